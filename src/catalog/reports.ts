import { sql } from "kysely";
import type { Integration, IntegrationError, IntegrationStatus, TableStatus } from "../model/integration.ts";
import type { CatalogDatabase } from "./database.ts";
import { integrationOf, readAll } from "./read.ts";

/** An integration with what the supervisor shall do about it. */
export interface WantedIntegration {
  readonly integration: Integration;
  readonly wanted: "present" | "absent";
}

/** What is so, as the runtime found it. */
export interface IntegrationReport {
  /** The generation of the wish that this answers; an older one does not overwrite `modifying` or `deleting`. */
  readonly generation: number;
  readonly status: IntegrationStatus;
  readonly errors: readonly IntegrationError[];
  readonly tables: readonly TableStatus[];
}

/** In the order of creation. */
export async function readWanted(db: CatalogDatabase): Promise<WantedIntegration[]> {
  const rows = await readAll(db);
  return rows.map((row) => ({ integration: integrationOf(row), wanted: row.wanted }));
}

/**
 * Replaces what was reported before. A report on an older generation is dropped whole: it describes what nobody wants
 * any more, and the runtime reports again once it has carried out the newer wish. Nor can a report take back
 * `deleting`. One on an integration that is gone is dropped too.
 */
export async function writeReport(db: CatalogDatabase, id: string, report: IntegrationReport): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable("integrations")
      .set({
        status: sql`CASE WHEN wanted = 'absent' THEN 'deleting' ELSE ${report.status} END`,
        errors: storableJson(report.errors),
      })
      .where("id", "=", id)
      .where("generation", "=", report.generation)
      .executeTakeFirst();
    if (numUpdatedRows > 0n) await replaceTables(tx, id, report.tables);
  });
}

/** Changes only rows that differ: a report names every table, and few have changed since the last one. */
async function replaceTables(tx: CatalogDatabase, id: string, tables: readonly TableStatus[]): Promise<void> {
  const reported = sql`jsonb_to_recordset(${storableJson(tables)}::jsonb) AS r (
    "sourceDatabase" text, "destinationDatabase" text, "schema" text, "table" text,
    "state" text, "reason" text, "rows" double precision)`;
  await sql`
    DELETE FROM zeroetl.table_states AS t
    WHERE integration_id = ${id} AND NOT EXISTS (
      SELECT FROM ${reported}
      WHERE (r."sourceDatabase", r."schema", r."table") = (t.source_database, t.schema_name, t.table_name))
  `.execute(tx);
  await sql`
    INSERT INTO zeroetl.table_states AS t
    SELECT DISTINCT ON ("sourceDatabase", "schema", "table")
      ${id}::text, "sourceDatabase", "destinationDatabase", "schema", "table", "state", "reason", "rows"
    FROM ${reported}
    ON CONFLICT (integration_id, source_database, schema_name, table_name) DO UPDATE SET
      destination_database = excluded.destination_database, state = excluded.state,
      reason = excluded.reason, row_count = excluded.row_count
    WHERE (t.destination_database, t.state, t.reason, t.row_count) IS DISTINCT FROM
      (excluded.destination_database, excluded.state, excluded.reason, excluded.row_count)
  `.execute(tx);
}

/** As the runtime reported them last, in the order of their names. */
export async function readTables(db: CatalogDatabase, id: string): Promise<TableStatus[]> {
  const rows = await db
    .selectFrom("table_states")
    .selectAll()
    .where("integration_id", "=", id)
    .orderBy(sql`source_database COLLATE "C"`)
    .orderBy(sql`schema_name COLLATE "C"`)
    .orderBy(sql`table_name COLLATE "C"`)
    .execute();
  return rows.map((row) => ({
    sourceDatabase: row.source_database,
    destinationDatabase: row.destination_database,
    schema: row.schema_name,
    table: row.table_name,
    state: row.state,
    reason: row.reason ?? undefined,
    rows: row.row_count,
  }));
}

/** JSON that PostgreSQL takes: a message may quote bytes of a broken server, and jsonb holds no NUL and no half of a surrogate pair. */
function storableJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "string" ? inner.replaceAll(/[\0\p{Surrogate}]/gu, "\ufffd") : inner,
  );
}
