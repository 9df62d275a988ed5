import { LinkedAbort } from "../../base/linked-abort.ts";
import type { TableFailureReason } from "../../model/block.ts";
import { readTables, type CatalogTable } from "./catalog-table.ts";
import type { CopyJob, CopyPiece } from "./copy-plan.ts";
import { copyRegions, copyRows, type CopiedRows } from "./copy-rows.ts";
import { merge } from "./merge.ts";
import { readFailure } from "./read-failure.ts";
import type { RegionPool } from "./region-pool.ts";
import { quoteLiteral, quotedNameOf } from "./names.ts";
import { Session, type ConnectRequest } from "./session.ts";

export interface CopyRequest {
  readonly connect: ConnectRequest;
  readonly publication: string;
  /** Exported, and held for as long as the copy runs. */
  readonly snapshot: string;
  readonly pieces: readonly CopyPiece[];
  readonly connections: number;
  /** Sees the catalog as it is now. */
  readonly control: Session;
  /** Whether a connection that could not be opened is one that can be done without, or waited for. */
  readonly isScarce: (error: unknown) => boolean;
}

/** What happens while tables are copied. `started` comes before a table's rows, nothing after one of the last three. */
export type CopyStep =
  | { readonly kind: "started" | "finished"; readonly job: CopyJob }
  | { readonly kind: "rows"; readonly job: CopyJob; readonly rows: CopiedRows }
  | { readonly kind: "failed"; readonly job: CopyJob; readonly reason: TableFailureReason }
  /** The table was changed since the snapshot was taken, or is locked: copy it again with another one. */
  | { readonly kind: "postponed"; readonly job: CopyJob };

type WorkerStep = CopyStep | { readonly kind: "piece"; readonly job: CopyJob };

/** Copies tables as they are in the snapshot, over several connections. */
export async function* copyTables(request: CopyRequest, signal: AbortSignal): AsyncGenerator<CopyStep, void> {
  const pieces = [...request.pieces];
  const left = new Map<CopyJob, number>();
  for (const { job } of pieces) left.set(job, (left.get(job) ?? 0) + 1);
  const started = new Set<CopyJob>();
  using stop = new LinkedAbort(signal);
  const connections = Math.min(request.connections, pieces.length);
  const pool = copyRegions();
  const workers = Array.from({ length: connections }, () =>
    work({ request, pieces, pool, signal: stop.signal }),
  );
  try {
    for await (const step of merge(workers, stop)) {
      const { job } = step;
      const count = left.get(job);
      if (count === undefined) {
        discard(step);
        continue;
      }
      if (!started.has(job)) {
        started.add(job);
        yield { kind: "started", job };
      }
      if (step.kind === "rows") yield step;
      else if (step.kind !== "piece" || count === 1) {
        left.delete(job);
        yield step.kind === "piece" ? { kind: "finished", job } : step;
      } else left.set(job, count - 1);
    }
    for (const job of left.keys()) yield { kind: "postponed", job };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** Of a table that is not copied any more. */
function discard(step: WorkerStep): void {
  if (step.kind === "rows") step.rows.release();
}

interface Work {
  readonly request: CopyRequest;
  /** Taken from the front by all workers. */
  readonly pieces: CopyPiece[];
  readonly pool: RegionPool;
  readonly signal: AbortSignal;
}

async function* work({ request, pieces, pool, signal }: Work): AsyncGenerator<WorkerStep, void> {
  await using session = await Session.open(request.connect, signal).catch((error: unknown) => {
    if (request.isScarce(error)) return undefined;
    throw error;
  });
  // Others take the pieces, if there are others.
  if (session === undefined) return;
  let current: CopyJob | undefined;
  for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
    // While pieces of a table are left, its lock is kept: a table that is rewritten moves its rows to other pages.
    const isFirst = piece.job !== current;
    current = piece.job;
    if (isFirst) await beginSnapshot(session, request.snapshot);
    for await (const step of copyPiece({ session, pool, request, isFirst }, piece, signal)) {
      if (step.kind === "failed" || step.kind === "postponed") forget(pieces, step.job);
      yield step;
    }
  }
  await session.run("ROLLBACK");
}

/** Begins a transaction that sees the snapshot, and ends the one before. */
export async function beginSnapshot(session: Session, snapshot: string): Promise<void> {
  // One trip for each table: there may be thousands of small ones. Reading a large one takes its time.
  await session.run(
    `ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0;
     SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshot)}`,
  );
}

interface PieceWork {
  readonly session: Session;
  readonly pool: RegionPool;
  readonly request: CopyRequest;
  /** The transaction has not touched the table yet. */
  readonly isFirst: boolean;
}

async function* copyPiece(
  { session, pool, request, isFirst }: PieceWork,
  { job, sql }: CopyPiece,
  signal: AbortSignal,
): AsyncGenerator<WorkerStep, void> {
  try {
    if (isFirst && !(await lock(session, request, job.table))) {
      yield { kind: "postponed", job };
      return;
    }
    for await (const rows of copyRows({ session, pool }, sql, signal)) yield { kind: "rows", job, rows };
    yield { kind: "piece", job };
  } catch (error) {
    const step = stepOf(error, job);
    if (step === undefined) throw error;
    yield step;
  }
}

/**
 * Keeps the table from being altered until the transaction ends. False where it was altered between the snapshot and
 * the lock: a rewritten table would look empty, and a column's name could mean another one.
 */
async function lock(session: Session, request: CopyRequest, table: CatalogTable): Promise<boolean> {
  const { publication, control } = request;
  const only = table.kind === "r" ? "ONLY " : "";
  const name = quotedNameOf(table);
  await session.run(`SET LOCAL lock_timeout = '10s'; LOCK TABLE ${only}${name} IN ACCESS SHARE MODE`);
  const wanted = { publication, oids: [table.oid] };
  const [then, now] = (await Promise.all([readTables(session, wanted), readTables(control, wanted)])).map(
    (tables) => tables.get(table.oid),
  );
  return then !== undefined && now !== undefined && isUnaltered(table, then) && isUnaltered(table, now);
}

/** Whether statements planned for one version of the table mean the same on the other. */
function isUnaltered(planned: CatalogTable, other: CatalogTable): boolean {
  const essence = ({ schema, name, storage, columns, types, partitions }: CatalogTable): string =>
    JSON.stringify({
      schema,
      name,
      storage,
      types,
      columns: columns.map(({ id, name: column, typeOid, modifier }) => [id, column, typeOid, modifier]),
      partitions: partitions.map(({ oid, storage: file, attachedBy }) => [oid, file, attachedBy]),
    });
  return essence(planned) === essence(other);
}

function forget(pieces: CopyPiece[], job: CopyJob): void {
  for (let index = pieces.length - 1; index >= 0; index -= 1)
    if (pieces[index]?.job === job) pieces.splice(index, 1);
}

/** What an error says about one table; undefined if it says something about the source. */
function stepOf(error: unknown, job: CopyJob): WorkerStep | undefined {
  const failure = readFailure(error, job.table);
  if (failure === undefined) return undefined;
  return failure === "altered" ? { kind: "postponed", job } : { kind: "failed", job, reason: failure };
}
