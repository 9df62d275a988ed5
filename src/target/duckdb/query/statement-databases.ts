import { folded } from "../instance/sql-text.ts";

/** A table that a statement names. */
export interface NamedTable {
  /** Empty if the statement does not specify it. */
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
}

/**
 * The subset of `databases` that contains a statement's tables, in their order. `only`: where names without a database
 * are resolved.
 */
export function databasesIn(
  tables: readonly NamedTable[],
  { databases, only }: { readonly databases: readonly string[]; readonly only: string | undefined },
): string[] {
  const named = new Set<string>();
  for (const { catalog, schema } of tables) {
    if (catalog !== "") named.add(folded(catalog));
    else {
      // `shop.orders` may also be a table of the database `shop`.
      named.add(folded(schema));
      if (only !== undefined) named.add(folded(only));
    }
  }
  return databases.filter((database) => named.has(folded(database)));
}
