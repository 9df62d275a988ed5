import { sql } from "kysely";
import type { IntegrationError, IntegrationStatus, TableStatus } from "../../model/integration.ts";
import { decideOnSource } from "../../model/policy/namespace-policy.ts";
import type { Changes } from "./changes.ts";
import type { CatalogDatabase } from "../store/database.ts";
import { happeningsOf, statusHappening, type TableChange } from "../events/happenings.ts";
import { lockIntegration, type StoredIntegration } from "./read.ts";
import type { ResourcePolicy } from "../access/resource-policies.ts";
import { storableJson } from "../store/storable.ts";

/** An integration with its desired state, for the supervisor. */
export interface WantedIntegration extends Pick<StoredIntegration, "integration" | "wanted" | "wrappedKey"> {
  /** Whether the target's policy currently admits the source. */
  readonly isAuthorized: boolean;
}

/** The actual state, as found by the runtime. */
export interface IntegrationReport {
  /**
   * The generation of the desired state that this reports on; an older one does not overwrite `modifying` or
   * `deleting`.
   */
  readonly generation: number;
  readonly status: IntegrationStatus;
  readonly errors: readonly IntegrationError[];
  /** Undefined: unchanged since the last report. */
  readonly tables: readonly TableStatus[] | undefined;
}

/** In the order of `all`. `policies`: by the ARN of the target. */
export function wantedOf(
  all: readonly StoredIntegration[],
  policies: ReadonlyMap<string, ResourcePolicy>,
  now: Date,
): WantedIntegration[] {
  return all.map(({ integration, wanted, wrappedKey }) => {
    const { sourceArn, targetArn } = integration;
    const decision = decideOnSource(policies.get(targetArn)?.policy, { sourceArn, targetArn, now });
    return { integration, wanted, isAuthorized: decision === "allowed", wrappedKey };
  });
}

/**
 * Stores the data key if the integration has none, and returns its current one. Undefined if the integration no longer
 * exists.
 */
export async function keepDataKey(
  db: CatalogDatabase,
  id: string,
  wrappedKey: string,
): Promise<string | undefined> {
  const row = await db
    .updateTable("integrations")
    .set({ wrapped_key: sql<string>`coalesce(wrapped_key, ${wrappedKey})` })
    .where("id", "=", id)
    .returning("wrapped_key")
    .executeTakeFirst();
  return row?.wrapped_key ?? undefined;
}

/**
 * Replaces the previous report. A report on an older generation is dropped entirely: it describes a state that is no
 * longer desired, and the runtime reports again after it has reached the newer desired state. Nor can a report undo
 * `deleting`. A report on an integration that no longer exists is also dropped.
 */
export async function writeReport(changes: Changes, id: string, report: IntegrationReport): Promise<void> {
  await changes.transaction(async (tx, tell) => {
    const before = await lockIntegration(tx, id);
    if (before === undefined || before.generation !== report.generation) return;
    const { errors, tables = [] } = report;
    const status = before.status === "deleting" ? before.status : report.status;
    await tx
      .updateTable("integrations")
      .set({ status, errors: storableJson(errors) })
      .where("id", "=", id)
      .execute();
    const tableChanges = report.tables === undefined ? [] : await replaceTables(tx, id, report.tables);
    tell(before, happeningsOf({ before, status, errors, tables, changes: tableChanges }));
  });
}

/**
 * Everything of a deleted integration has been removed at the source. No effect on an integration that is not deleted.
 */
export async function forgetIntegration(changes: Changes, id: string): Promise<void> {
  await changes.transaction(async (tx, tell) => {
    const integration = await lockIntegration(tx, id);
    if (integration?.status !== "deleting") return;
    await tx.deleteFrom("integrations").where("id", "=", id).execute();
    tell(integration, [statusHappening("deleted", "deleted")]);
  });
}

/**
 * Changes only rows that differ: a report names every table, and few have changed since the last one. Returns the
 * tables that were known before and have another state, or that failed, in the order of their names.
 */
async function replaceTables(
  tx: CatalogDatabase,
  id: string,
  tables: readonly TableStatus[],
): Promise<TableChange[]> {
  // All parts of the statement see the table as it was before.
  const { rows } = await sql<Omit<TableChange, "reason"> & { readonly reason: IntegrationError | null }>`
    WITH reported AS MATERIALIZED (
      SELECT DISTINCT ON ("sourceDatabase", "schema", "table") *
      FROM jsonb_to_recordset(${storableJson(tables)}::jsonb) AS r (
        "sourceDatabase" text, "destinationDatabase" text, "schema" text, "table" text,
        "state" text, "reason" jsonb, "rows" double precision)
    ), gone AS (
      DELETE FROM zeroetl.table_states AS t
      WHERE integration_id = ${id} AND NOT EXISTS (
        SELECT FROM reported AS r
        WHERE (r."sourceDatabase", r."schema", r."table") = (t.source_database, t.schema_name, t.table_name))
    ), written AS (
      INSERT INTO zeroetl.table_states AS t
      SELECT ${id}::text, "sourceDatabase", "destinationDatabase", "schema", "table", "state", "reason", "rows"
      FROM reported
      ON CONFLICT (integration_id, source_database, schema_name, table_name) DO UPDATE SET
        destination_database = excluded.destination_database, state = excluded.state,
        reason = excluded.reason, row_count = excluded.row_count
      WHERE (t.destination_database, t.state, t.reason, t.row_count) IS DISTINCT FROM
        (excluded.destination_database, excluded.state, excluded.reason, excluded.row_count)
    )
    SELECT r."sourceDatabase", r."schema", r."table", t.state AS before, r."state" AS after, r."reason"
    FROM reported AS r LEFT JOIN zeroetl.table_states AS t
      ON (t.integration_id, t.source_database, t.schema_name, t.table_name) =
        (${id}, r."sourceDatabase", r."schema", r."table")
    WHERE CASE WHEN r."state" = 'Failed' THEN (t.state, t.reason) IS DISTINCT FROM (r."state", r."reason")
      ELSE t.state <> r."state" END
    ORDER BY r."sourceDatabase" COLLATE "C", r."schema" COLLATE "C", r."table" COLLATE "C"
  `.execute(tx);
  return rows.map((row) => ({ ...row, before: row.before ?? undefined, reason: row.reason ?? undefined }));
}

/** As the runtime last reported them, in the order of their names. */
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
    isEstimate: true,
  }));
}
