import { qualified } from "../../src/target/duckdb/instance/sql-text.ts";
import type { Warehouse } from "../../src/target/target.ts";
import { printed, type TargetModel } from "./target-model.ts";
import { rowsOf } from "./test-warehouse.ts";

/** Every table that readers see, with its rows sorted. */
export async function seen(warehouse: Warehouse): Promise<Record<string, string[]>> {
  const found = await rowsOf(
    warehouse,
    "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'shop' AND NOT internal",
  );
  const tables: Record<string, string[]> = {};
  for (const [schema, table] of found) {
    const name = { schema: schema ?? "", table: table ?? "" };
    const rows = await rowsOf(warehouse, `FROM ${qualified("shop", name)}`);
    tables[JSON.stringify(name)] = rows.map((row) => JSON.stringify(row)).toSorted();
  }
  return tables;
}

export function expected(model: TargetModel): Record<string, string[]> {
  const tables: Record<string, string[]> = {};
  for (const { shown } of model.tables.values()) {
    if (shown === undefined) continue;
    const rows = shown.rows.map((row) =>
      JSON.stringify(shown.columns.map(({ type }, index) => printed(type, row[index] ?? null))),
    );
    const { schema, table } = shown.name;
    tables[JSON.stringify({ schema, table })] = rows.toSorted();
  }
  return tables;
}
