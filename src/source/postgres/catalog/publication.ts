import { CodedError } from "../../../base/errors.ts";
import type { CatalogTable } from "./catalog-table.ts";
import { quoteIdentifier, quotedNameOf } from "../names.ts";
import { sqlStateOf } from "../connection/source-error.ts";
import type { Session } from "../connection/session.ts";
import { statementTimeoutMs } from "../connection/session-settings.ts";

/** Whether the stream's publication exists, and publishes what it was created to publish. */
export type PublicationState = "intact" | "absent" | "altered";

export interface Publication {
  readonly state: PublicationState;
  /** The transaction that last changed what it publishes. */
  readonly publishedBy: number;
}

/**
 * The publication contains exactly the tables that can be replicated, one by one: a table without a key in a
 * publication would make its users' updates and deletes fail.
 */
export async function readPublication(session: Session, name: string): Promise<Publication> {
  const [found] = await session.rows<{ intact: boolean; by: string }>(
    `SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate AND pubviaroot AND NOT puballtables AS intact,
       xmin::text AS by
     FROM pg_publication WHERE pubname = $1`,
    [name],
  );
  if (found === undefined) return { state: "absent", publishedBy: 0 };
  return { state: found.intact ? "intact" : "altered", publishedBy: Number(found.by) };
}

export async function createPublication(session: Session, name: string): Promise<void> {
  await dropPublication(session, name);
  await publishing(
    session,
    `CREATE PUBLICATION ${quoteIdentifier(name)}
     WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)`,
  );
}

export async function dropPublication(session: Session, name: string): Promise<void> {
  await publishing(session, `DROP PUBLICATION IF EXISTS ${quoteIdentifier(name)}`);
}

const lockTimeout = "10s";
const publishDeadlineMs = 600_000;
/** lock_not_available, undefined_table, insufficient_privilege, object_in_use, invalid_parameter_value, duplicate_object. */
const tableStates = new Set(["55P03", "42P01", "42501", "55006", "22023", "42710"]);

/**
 * Adds tables to the publication. Returns those that could not be added now: locked, dropped or removed in the
 * meantime. Waits at most ten seconds for a lock, so that no one queues behind us.
 */
export async function publishTables(
  session: Session,
  name: string,
  tables: readonly CatalogTable[],
): Promise<readonly CatalogTable[]> {
  if (tables.length === 0) return [];
  const add = async (some: readonly CatalogTable[]): Promise<void> => {
    const list = some.map((table) => `ONLY ${quotedNameOf(table)}`).join(", ");
    await withLockTimeout(session, `ALTER PUBLICATION ${quoteIdentifier(name)} ADD TABLE ${list}`);
  };
  try {
    await add(tables);
    return [];
  } catch (error) {
    if (!tableStates.has(sqlStateOf(error) ?? "")) throw error;
  }
  const left: CatalogTable[] = [];
  for (const table of tables) {
    try {
      await add([table]);
    } catch (error) {
      if (!tableStates.has(sqlStateOf(error) ?? "")) throw error;
      left.push(table);
    }
  }
  return left;
}

/** Removes a table from the publication, if it is in it: its users can then update and delete whatever its key is. */
export async function unpublishTable(session: Session, name: string, table: CatalogTable): Promise<void> {
  const quoted = quotedNameOf(table);
  try {
    await withLockTimeout(session, `ALTER PUBLICATION ${quoteIdentifier(name)} DROP TABLE ${quoted}`);
  } catch (error) {
    // Dropped, renamed or locked in the meantime: the next catalog check tries again.
    const state = sqlStateOf(error) ?? "";
    if (state !== "42704" && !tableStates.has(state)) throw error;
  }
}

async function withLockTimeout(session: Session, statement: string): Promise<void> {
  // The lock timeout bounds the waiting; thousands of tables take a while.
  await session.run(`SET lock_timeout = '${lockTimeout}'; SET statement_timeout = ${publishDeadlineMs}`);
  try {
    await session.rows(statement, undefined, { deadlineMs: publishDeadlineMs });
  } finally {
    await session.run(`SET lock_timeout = 0; SET statement_timeout = ${statementTimeoutMs}`);
  }
}

async function publishing(session: Session, statement: string): Promise<void> {
  try {
    await withLockTimeout(session, statement);
  } catch (error) {
    if (sqlStateOf(error) === "42501")
      throw new CodedError(
        "SOURCE_PRIVILEGE",
        "The user of the source's url may not create or alter the integration's publication.",
        { cause: error },
      );
    throw error;
  }
}
