import { sql } from "kysely";
import type {
  Integration,
  IntegrationError,
  IntegrationStatus,
  TableStatus,
} from "../../model/integration.ts";
import { decideOnSource } from "../../model/policy/namespace-policy.ts";
import type { Changes } from "./changes.ts";
import type { CatalogDatabase } from "../store/database.ts";
import { happeningsOf, statusHappening, type TableChange } from "../events/happenings.ts";
import { integrationOf, lockIntegration, readAll } from "./read.ts";
import type { ResourcePolicies } from "../access/resource-policies.ts";
import { storableJson } from "../store/storable.ts";

/** An integration with what the supervisor shall do about it. */
export interface WantedIntegration {
  readonly integration: Integration;
  readonly wanted: "present" | "absent";
  /** Whether the target's policy lets the source in, as of now. */
  readonly isAuthorized: boolean;
  /** The data key as the KMS key wrapped it; undefined for an integration that has none yet. */
  readonly wrappedKey: string | undefined;
}

/** What is so, as the runtime found it. */
export interface IntegrationReport {
  /** The generation of the desired state that this answers; an older one does not overwrite `modifying` or `deleting`. */
  readonly generation: number;
  readonly status: IntegrationStatus;
  readonly errors: readonly IntegrationError[];
  /** Undefined: as they were reported before. */
  readonly tables: readonly TableStatus[] | undefined;
}

interface WantedParts {
  readonly db: CatalogDatabase;
  readonly policies: ResourcePolicies;
  readonly now: Date;
}

/** In the order of creation. */
export async function readWanted({ db, policies, now }: WantedParts): Promise<WantedIntegration[]> {
  const rows = await readAll(db);
  const policyOf = await policies.all();
  return rows.map((row) => {
    const integration = integrationOf(row);
    const { sourceArn, targetArn } = integration;
    const decision = decideOnSource(policyOf.get(targetArn)?.policy, { sourceArn, targetArn, now });
    return {
      integration,
      wanted: row.wanted,
      isAuthorized: decision === "allowed",
      wrappedKey: row.wrapped_key ?? undefined,
    };
  });
}

/** Keeps the data key of an integration that has none, and gives the one that it has then. Undefined for one that is gone. */
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
 * Replaces what was reported before. A report on an older generation is dropped whole: it describes what nobody wants
 * any more, and the runtime reports again once it has reached the newer desired state. Nor can a report take back
 * `deleting`. One on an integration that is gone is dropped too.
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

/** Everything of a deleted integration has been removed at the source. Without effect on one that is wanted. */
export async function forgetIntegration(changes: Changes, id: string): Promise<void> {
  await changes.transaction(async (tx, tell) => {
    const integration = await lockIntegration(tx, id);
    if (integration?.status !== "deleting") return;
    await tx.deleteFrom("integrations").where("id", "=", id).execute();
    tell(integration, [statusHappening("deleted", "deleted")]);
  });
}

/**
 * Changes only rows that differ: a report names every table, and few have changed since the last one. Gives those that
 * were known before and have another state, or that failed, in the order of their names.
 */
async function replaceTables(
  tx: CatalogDatabase,
  id: string,
  tables: readonly TableStatus[],
): Promise<TableChange[]> {
  // All parts see the table as it was before.
  const { rows } = await sql<Omit<TableChange, "reason"> & { readonly reason: string | null }>`
    WITH reported AS MATERIALIZED (
      SELECT DISTINCT ON ("sourceDatabase", "schema", "table") *
      FROM jsonb_to_recordset(${storableJson(tables)}::jsonb) AS r (
        "sourceDatabase" text, "destinationDatabase" text, "schema" text, "table" text,
        "state" text, "reason" text, "rows" double precision)
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
    isEstimate: true,
  }));
}
