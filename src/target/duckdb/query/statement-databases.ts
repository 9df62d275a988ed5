import { folded } from "../instance/sql-text.ts";

/** A table that a statement names. */
export interface NamedTable {
  /** Empty where the statement does not say. */
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
}

/**
 * The databases that a statement's tables are in, out of `databases`; in their order. `only`: where names without a
 * database are looked up.
 */
export function databasesIn(
  tables: readonly NamedTable[],
  { databases, only }: { readonly databases: readonly string[]; readonly only: string | undefined },
): string[] {
  const named = new Set<string>();
  for (const { catalog, schema } of tables) {
    if (catalog !== "") named.add(folded(catalog));
    else {
      // `shop.orders` may be a table of the database `shop`, too.
      named.add(folded(schema));
      if (only !== undefined) named.add(folded(only));
    }
  }
  return databases.filter((database) => named.has(folded(database)));
}
