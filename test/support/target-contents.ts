import { CodedError } from "../../src/base/errors.ts";
import type { TableName } from "../../src/model/replication/relation.ts";
import type { Warehouse } from "../../src/target/target.ts";
import { tableNames } from "./target-changes.ts";
import { printed, type TargetModel } from "./target-model.ts";
import { rowsOf } from "./test-warehouse.ts";

/** Rows as JSON, sorted. */
type Shown = readonly string[];

/** The rows that readers see in a table; undefined if they see no table of this name. */
export async function shown(
  warehouse: Warehouse,
  name: TableName,
  database = "shop",
): Promise<Shown | undefined> {
  const table = [database, name.schema, name.table].map((part) => `"${part.replaceAll('"', '""')}"`);
  try {
    const rows = await rowsOf(warehouse, `SELECT * FROM ${table.join(".")}`);
    return rows.map((row) => JSON.stringify(row)).toSorted();
  } catch (error) {
    if (error instanceof CodedError && error.code === "QUERY_FAILED") return undefined;
    throw error;
  }
}

/** Every table of target-changes.ts that readers see. Whole floats are without the `.0` that some warehouses print. */
export async function seen(warehouse: Warehouse): Promise<Record<string, Shown>> {
  const tables: Record<string, Shown> = {};
  for (const name of tableNames) {
    const rows = await shown(warehouse, name);
    if (rows === undefined) continue;
    tables[JSON.stringify(name)] = rows.map((row) => row.replaceAll(/"(-?\d+)[.]0"/g, '"$1"')).toSorted();
  }
  return tables;
}

export function expected(model: TargetModel): Record<string, Shown> {
  const tables: Record<string, Shown> = {};
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
