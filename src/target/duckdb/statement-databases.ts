import { folded } from "./sql-text.ts";
import type { Session } from "./session.ts";

/**
 * The databases whose tables a statement names, out of `databases`; in their order. `only`: where names without a
 * database are looked up. Empty for what DuckDB cannot give the parse tree of, such as EXPLAIN.
 */
export async function databasesIn(
  session: Session,
  sql: string,
  { databases, only }: { readonly databases: readonly string[]; readonly only: string | undefined },
): Promise<string[]> {
  const [row] = await session.rows("SELECT json_serialize_sql(CAST($1 AS VARCHAR)) AS tree", [sql]);
  const named = new Set<string>();
  for (const { catalog, schema } of tablesIn(JSON.parse(String(row?.["tree"])))) {
    if (catalog !== "") named.add(folded(catalog));
    else {
      // `shop.orders` may be a table of the database `shop`, too.
      named.add(folded(schema));
      if (only !== undefined) named.add(folded(only));
    }
  }
  return databases.filter((database) => named.has(folded(database)));
}

interface NamedTable {
  readonly catalog: string;
  readonly schema: string;
}

/** With a stack of its own: a tree may be deeper than JavaScript's. */
function* tablesIn(tree: unknown): Generator<NamedTable> {
  const stack: unknown[] = [tree];
  while (stack.length > 0) {
    const node = stack.pop();
    if (typeof node !== "object" || node === null) continue;
    const { type, catalog_name: catalog, schema_name: schema } = node as Record<string, unknown>;
    if (type === "BASE_TABLE") yield { catalog: String(catalog), schema: String(schema) };
    for (const child of Object.values(node)) stack.push(child);
  }
}
