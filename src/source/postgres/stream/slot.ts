import { randomBytes } from "node:crypto";
import { pause } from "../../../base/backoff.ts";
import { CodedError } from "../../../base/errors.ts";
import { logger } from "../../../base/log.ts";
import { parseLsn, type Lsn } from "./lsn.ts";
import { quoteIdentifier, quoteLiteral } from "../names.ts";
import { applicationName, Session, type ConnectRequest } from "../connection/session.ts";
import { sourceError, sqlStateOf } from "../connection/source-error.ts";
import { reportingWaits, type OnWait } from "../catalog/wait-report.ts";

const log = logger("postgres");

/** A slot as `pg_replication_slots` shows it. */
export interface SlotState {
  readonly confirmed: Lsn | undefined;
  /** It has lost WAL that it was to retain, or is not one of our slots. */
  readonly isUnusable: boolean;
  /** Process that uses it. */
  readonly activePid: number | undefined;
  /** The process identifies itself as zeroetl. */
  readonly isOurs: boolean;
  /** WAL retained for the slot. */
  readonly retainedBytes: number | undefined;
  /** The end of the WAL on the server's disk: walsenders do not send beyond it. */
  readonly logEnd: Lsn;
}

export async function readSlot(session: Session, slot: string): Promise<SlotState | undefined> {
  const [row] = await session.rows<{
    confirmed: string | null;
    unusable: boolean;
    pid: number | null;
    application: string | null;
    retained: string | null;
    end: string;
  }>(
    `SELECT pg_current_wal_flush_lsn()::text AS end,
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), s.restart_lsn)::text AS retained,
       s.confirmed_flush_lsn::text AS confirmed, s.active_pid AS pid, a.application_name AS application,
       s.restart_lsn IS NULL OR s.confirmed_flush_lsn IS NULL OR s.wal_status = 'lost' OR s.plugin <> 'pgoutput'
         OR s.database <> current_database() AS unusable
     FROM pg_replication_slots s LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid
     WHERE s.slot_name = $1`,
    [slot],
    { name: "zeroetl_slot" },
  );
  if (row === undefined) return undefined;
  return {
    confirmed: row.confirmed === null ? undefined : parseLsn(row.confirmed),
    isUnusable: row.unusable,
    activePid: row.pid ?? undefined,
    isOurs: row.application === applicationName,
    retainedBytes: row.retained === null ? undefined : Number(row.retained),
    logEnd: parseLsn(row.end),
  };
}

export function slotLost(slot: string): CodedError {
  return new CodedError("SLOT_LOST", `Replication slot ${slot} was dropped or has lost changes.`);
}

const patienceMs = 3_000;
const deadlineMs = 30_000;
const lookMs = 100;

/**
 * Waits until no process uses the slot. If the process of one of our readers has died, its walsender ends when the
 * socket closes; if its machine has failed, the walsender does not end, and is terminated. Throws `CodedError`
 * SLOT_IN_USE.
 */
export async function awaitFreeSlot(session: Session, slot: string, signal: AbortSignal): Promise<void> {
  const start = performance.now();
  let isTerminated = false;
  for (;;) {
    const state = await readSlot(session, slot);
    if (state?.activePid === undefined) return;
    const waitedMs = performance.now() - start;
    if (waitedMs > deadlineMs || (waitedMs > patienceMs && !state.isOurs))
      throw new CodedError("SLOT_IN_USE", `Process ${state.activePid} of the source reads slot ${slot}.`);
    if (waitedMs > patienceMs && !isTerminated) {
      log.warn({ slot, pid: state.activePid }, "Terminating a leftover reader of the slot");
      await session.rows("SELECT pg_terminate_backend($1)", [state.activePid]);
      isTerminated = true;
    }
    await pause(lookMs, signal);
  }
}

/** Drops the slot if it exists, even if one of our readers still uses it. */
export async function dropSlot(session: Session, slot: string, signal: AbortSignal): Promise<void> {
  await awaitFreeSlot(session, slot, signal);
  try {
    await session.rows(
      "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1",
      [slot],
    );
  } catch (error) {
    if (sqlStateOf(error) !== undefinedObject) throw error;
  }
}

const undefinedObject = "42704";

/** The meaning of a failure to create a slot. */
const creationErrors = { "55000": "WAL_LEVEL", "53300": "WAL_SENDERS" } as const;

export interface CreatedSlot {
  /** Transactions that commit at or after it are in the stream, earlier ones are in the snapshot. */
  readonly lsn: Lsn;
  /** To be imported by `SET TRANSACTION SNAPSHOT` while the creating session remains unchanged. */
  readonly snapshot: string;
}

/**
 * Creates the permanent slot of a stream. Waits for open transactions. Slots fail over to standbys if the server
 * supports that (17 and later).
 */
export async function createSlot(
  connect: ConnectRequest & { readonly slot: string; readonly version: number; readonly onWait: OnWait },
  signal: AbortSignal,
): Promise<Lsn> {
  const options = connect.version >= 170_000 ? "(SNAPSHOT 'nothing', FAILOVER true)" : "NOEXPORT_SNAPSHOT";
  await using walsender = await Session.open({ ...connect, replication: true }, signal);
  const sql = `CREATE_REPLICATION_SLOT ${quoteIdentifier(connect.slot)} LOGICAL pgoutput ${options}`;
  const { lsn } = await create(walsender, { connect, sql, onWait: connect.onWait }, signal);
  return lsn;
}

/** A snapshot of the source at an exact position of its log, held by a slot that exists as long as the session. */
export class ExportedSnapshot implements AsyncDisposable {
  readonly lsn: Lsn;
  /** For `SET TRANSACTION SNAPSHOT` in other sessions, until disposed of. */
  readonly snapshot: string;
  readonly #walsender: Session;

  private constructor(walsender: Session, { lsn, snapshot }: CreatedSlot) {
    this.#walsender = walsender;
    this.lsn = lsn;
    this.snapshot = snapshot;
  }

  /** Waits for open transactions. */
  static async open(
    { onWait, ...connect }: ConnectRequest & { readonly onWait?: OnWait },
    signal: AbortSignal,
  ): Promise<ExportedSnapshot> {
    const slot = `zeroetl_snapshot_${randomBytes(8).toString("hex")}`;
    const request = { connect, slot, isTemporary: true, onWait };
    const { walsender, created } = await exportSnapshot(request, signal);
    return new ExportedSnapshot(walsender, created);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#walsender[Symbol.asyncDispose]();
  }
}

interface Export extends Omit<Creation, "sql"> {
  readonly slot: string;
  readonly isTemporary: boolean;
}

/** Creates a slot, and exports its snapshot for as long as the walsender remains unchanged. */
export async function exportSnapshot(
  { connect, slot, isTemporary, onWait }: Export,
  signal: AbortSignal,
): Promise<{ readonly walsender: Session; readonly created: CreatedSlot }> {
  const walsender = await Session.open({ ...connect, replication: true }, signal);
  try {
    const name = `${quoteIdentifier(slot)}${isTemporary ? " TEMPORARY" : ""}`;
    const sql = `CREATE_REPLICATION_SLOT ${name} LOGICAL pgoutput EXPORT_SNAPSHOT`;
    return { walsender, created: await create(walsender, { connect, sql, onWait }, signal) };
  } catch (error) {
    await walsender[Symbol.asyncDispose]();
    throw error;
  }
}

interface Creation {
  readonly connect: ConnectRequest;
  readonly sql: string;
  readonly onWait: OnWait | undefined;
}

/** Runs `CREATE_REPLICATION_SLOT`, which waits for open transactions. */
async function create(
  walsender: Session,
  { connect, sql, onWait = () => {} }: Creation,
  signal: AbortSignal,
): Promise<CreatedSlot> {
  try {
    const row = await reportingWaits(
      { connect, pid: walsender.backend, onWait },
      () =>
        walsender.row<{ consistent_point: string; snapshot_name: string | null }>(sql, undefined, {
          deadlineMs: Infinity,
        }),
      signal,
    );
    return { lsn: parseLsn(row.consistent_point), snapshot: row.snapshot_name ?? "" };
  } catch (error) {
    if (signal.aborted) await terminate(connect, walsender.backend);
    throw sourceError(error, creationErrors);
  }
}

/** The server does not notice that no one waits for the slot any longer, and would keep it half created. */
async function terminate(connect: ConnectRequest, pid: number): Promise<void> {
  try {
    await using session = await Session.open(connect, AbortSignal.timeout(2_000));
    await session.rows("SELECT pg_terminate_backend($1)", [pid]);
  } catch (error) {
    // Opening the stream again finds the half-created slot and its reader, and removes both.
    log.debug({ err: error }, "An abandoned slot could not be ended");
  }
}

/** `START_REPLICATION` of the stream: pgoutput, protocol 2, so that large transactions arrive before their commit. */
export function startReplicationSql(slot: string, publication: string, from: string): string {
  const options = [
    "proto_version '2'",
    "streaming 'on'",
    "binary 'true'",
    "messages 'false'",
    `publication_names ${quoteLiteral(quoteIdentifier(publication))}`,
  ];
  return `START_REPLICATION SLOT ${quoteIdentifier(slot)} LOGICAL ${from} (${options.join(", ")})`;
}
