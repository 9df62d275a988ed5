import { Condition } from "../../../base/condition.ts";
import { LinkedAbort } from "../../../base/linked-abort.ts";
import type { TableFailureReason } from "../../../model/replication/block.ts";
import { readTables, type CatalogTable } from "../catalog/catalog-table.ts";
import type { CopyJob, CopyPiece } from "./copy-plan.ts";
import { copyRegions, copyRows, type CopiedRows } from "./copy-rows.ts";
import { merge } from "./merge.ts";
import { readFailure } from "./read-failure.ts";
import type { RegionPool } from "../connection/region-pool.ts";
import { quoteLiteral, quotedNameOf } from "../names.ts";
import { Session, type ConnectRequest } from "../connection/session.ts";

export interface CopyRequest {
  readonly connect: ConnectRequest;
  readonly publication: string;
  /**
   * An exported snapshot, which remains valid for the duration of the copy. If absent, each piece is read with a
   * snapshot that is taken then.
   */
  readonly snapshot: string | undefined;
  readonly pieces: readonly CopyPiece[];
  readonly connections: number;
  /** A session that sees the current catalog. */
  readonly control: Session;
  /** Whether the copy can do without a connection that could not be opened, or wait for it. */
  readonly isScarce: (error: unknown) => boolean;
}

/** Events while tables are copied. `started` precedes a table's rows; none of its rows follow one of the last three. */
export type CopyStep =
  | { readonly kind: "started" | "finished"; readonly job: CopyJob }
  /** All rows of these pieces have been yielded since the last such step, and of no other piece only some. */
  | { readonly kind: "read"; readonly pieces: readonly CopyPiece[] }
  | { readonly kind: "rows"; readonly job: CopyJob; readonly rows: CopiedRows }
  | { readonly kind: "failed"; readonly job: CopyJob; readonly reason: TableFailureReason }
  /** The table has been altered since the snapshot, or is locked: it is copied again with another snapshot. */
  | { readonly kind: "postponed"; readonly job: CopyJob };

type WorkerStep =
  | Exclude<CopyStep, { kind: "read" | "started" | "finished" }>
  | { readonly kind: "piece"; readonly job: CopyJob; readonly piece: CopyPiece };

/** Copies tables as of the snapshot, over several connections. */
export async function* copyTables(request: CopyRequest, signal: AbortSignal): AsyncGenerator<CopyStep, void> {
  const tables = new OpenTables(request.pieces);
  using stop = new LinkedAbort(signal);
  const connections = Math.min(request.connections, request.pieces.length);
  const [pool, queue] = [copyRegions(), new PieceQueue(request.pieces)];
  const workers = Array.from({ length: connections }, () =>
    work({ request, queue, pool, signal: stop.signal }),
  );
  try {
    for await (const step of merge(workers, stop)) {
      yield* tables.next(step);
      if (step.kind !== "rows" && queue.end()) yield { kind: "read", pieces: tables.takeRead() };
    }
    for (const job of tables.left()) yield { kind: "postponed", job };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** The tables whose copy has not ended. */
class OpenTables {
  /** How many pieces of each have not been read. */
  readonly #left = new Map<CopyJob, number>();
  readonly #started = new Set<CopyJob>();
  #read: CopyPiece[] = [];

  constructor(pieces: readonly CopyPiece[]) {
    for (const { job } of pieces) this.#left.set(job, (this.#left.get(job) ?? 0) + 1);
  }

  *next(step: WorkerStep): Generator<CopyStep, void> {
    const { job } = step;
    const count = this.#left.get(job);
    if (count === undefined) {
      discard(step);
      return;
    }
    if (!this.#started.has(job)) {
      this.#started.add(job);
      yield { kind: "started", job };
    }
    if (step.kind === "rows") {
      yield step;
      return;
    }
    if (step.kind === "piece") {
      this.#read.push(step.piece);
      this.#left.set(job, count - 1);
      if (count > 1) return;
    }
    this.#left.delete(job);
    yield step.kind === "piece" ? { kind: "finished", job } : step;
  }

  /** The pieces that were read since the last call. */
  takeRead(): readonly CopyPiece[] {
    const read = this.#read;
    this.#read = [];
    return read;
  }

  left(): readonly CopyJob[] {
    return [...this.#left.keys()];
  }
}

/** Discards a step of a table that is no longer copied. */
function discard(step: WorkerStep): void {
  if (step.kind === "rows") step.rows.release();
}

interface Work {
  readonly request: CopyRequest;
  readonly queue: PieceQueue;
  readonly pool: RegionPool;
  readonly signal: AbortSignal;
}

async function* work({ request, queue, pool, signal }: Work): AsyncGenerator<WorkerStep, void> {
  await using session = await Session.open(request.connect, signal).catch((error: unknown) => {
    if (request.isScarce(error)) return undefined;
    throw error;
  });
  // Other workers take the pieces, if there are any.
  if (session === undefined) return;
  let locked: readonly CopyJob[] = [];
  for (let group = await queue.take(signal); group.length > 0; group = await queue.take(signal)) {
    // While pieces of a table remain, it stays locked: rewriting a table moves its rows to other pages.
    const isLocked = group.every(({ job }) => locked.includes(job));
    const refused = isLocked ? [] : await lock(session, request, group);
    locked = group.map(({ job }) => job);
    if (refused === undefined) queue.putBack(group, "alone");
    else {
      for (const { job } of refused) queue.forget(job);
      yield* refused;
      const postponed = new Set(refused.map(({ job }) => job));
      const pieces = group.filter(({ job }) => !postponed.has(job));
      const left = yield* copyPieces({ session, pool, queue, pieces }, signal);
      if (left === undefined) continue;
      queue.putBack(left, "together");
    }
    // No transaction with these locks exists any longer.
    locked = [];
  }
  await session.run("ROLLBACK");
}

/** Locking small tables together saves round trips. */
const groupTablesMax = 50;
/** 16 MB: connections read pieces until they have taken this much, and then wait until all of it has been read. */
const wavePages = 2048;
/**
 * Less than PostgreSQL's deadlock_timeout: in a deadlock with a session that alters two of the tables, our lock request
 * fails first.
 */
const groupLockTimeout = "500ms";
/** Meanwhile, the other tables of the copy wait. A table that stays locked is retried with the next snapshot. */
const lockTimeout = "2s";

/**
 * The pieces that no worker has taken yet. Workers take them in waves: between two waves, no piece has been read in
 * part, so that what has been read can be committed.
 */
class PieceQueue {
  readonly #pieces: CopyPiece[];
  readonly #changed = new Condition();
  /** Of the wave. */
  #pagesTaken = 0;
  /** Pieces that were taken and have not ended. */
  #open = 0;
  /** Tables that could not be locked together with others. */
  readonly #alone = new Set<CopyJob>();

  constructor(pieces: readonly CopyPiece[]) {
    this.#pieces = [...pieces];
  }

  /**
   * Returns one piece, or several small tables of one piece each; empty if no pieces are left. Waits for the next wave,
   * and until no piece can be put back any longer.
   */
  async take(signal: AbortSignal): Promise<CopyPiece[]> {
    while (this.#open > 0 && (this.#pieces.length === 0 || this.#pagesTaken >= wavePages))
      await this.#changed.wait(signal);
    if (this.#open === 0) this.#pagesTaken = 0;
    const group = this.#next();
    this.#open += group.length;
    for (const { pages } of group) this.#pagesTaken += Math.max(pages, 1);
    return group;
  }

  /** Pieces have ended, whether or not they could be read. Returns whether no other is open. */
  end(count = 1): boolean {
    this.#open -= count;
    this.#changed.notify();
    return this.#open === 0;
  }

  #next(): CopyPiece[] {
    const first = this.#pieces.shift();
    if (first === undefined) return [];
    const group = [first];
    let { pages } = first;
    if (!this.#canBeGrouped(first, this.#pieces[0])) return group;
    while (group.length < groupTablesMax) {
      const [next, behind] = this.#pieces;
      if (next === undefined || !this.#canBeGrouped(next, behind)) break;
      pages += next.pages;
      if (pages > wavePages) break;
      group.push(next);
      this.#pieces.shift();
    }
    return group;
  }

  putBack(pieces: readonly CopyPiece[], how: "alone" | "together"): void {
    if (how === "alone") for (const { job } of pieces) this.#alone.add(job);
    this.#pieces.unshift(...pieces);
    this.end(pieces.length);
  }

  /** Removes the pieces of a table that cannot be copied. */
  forget(job: CopyJob): void {
    for (let index = this.#pieces.length - 1; index >= 0; index -= 1)
      if (this.#pieces[index]?.job === job) this.#pieces.splice(index, 1);
  }

  /** `behind`: the next piece, perhaps of the same table. */
  #canBeGrouped({ job }: CopyPiece, behind: CopyPiece | undefined): boolean {
    return !this.#alone.has(job) && behind?.job !== job;
  }
}

/** Begins a transaction that sees the snapshot, and ends the previous one. */
export async function beginSnapshot(session: Session, snapshot: string | undefined): Promise<void> {
  await session.run(snapshotSql(snapshot));
}

function snapshotSql(snapshot: string | undefined): string {
  // Reading a large table can take longer than the timeout.
  const begin = "ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0;";
  return snapshot === undefined ? begin : `${begin} SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshot)};`;
}

interface PieceWork {
  readonly session: Session;
  readonly pool: RegionPool;
  readonly queue: PieceQueue;
  readonly pieces: readonly CopyPiece[];
}

/** Returns the remaining pieces if a piece, and thus the transaction, fails. */
async function* copyPieces(
  { session, pool, queue, pieces }: PieceWork,
  signal: AbortSignal,
): AsyncGenerator<WorkerStep, readonly CopyPiece[] | undefined> {
  for (const [index, piece] of pieces.entries()) {
    const { job, sql } = piece;
    try {
      for await (const rows of copyRows({ session, pool }, sql, signal)) yield { kind: "rows", job, rows };
    } catch (error) {
      const step = stepOf(error, job);
      if (step === undefined) throw error;
      queue.forget(job);
      yield step;
      return pieces.slice(index + 1);
    }
    yield { kind: "piece", job, piece };
  }
  return undefined;
}

/**
 * Prevents the tables of the pieces from being altered until the transaction ends. Returns steps for tables that cannot
 * be copied: if a table was altered between the snapshot and the lock, it would appear empty after a rewrite, or a
 * column name could refer to a different column. Returns undefined if the tables must be locked one by one.
 */
async function lock(
  session: Session,
  request: CopyRequest,
  pieces: readonly CopyPiece[],
): Promise<readonly WorkerStep[] | undefined> {
  const jobs = pieces.map(({ job }) => job);
  const { publication, control, snapshot } = request;
  try {
    const names = jobs.map(({ table }) => `${table.kind === "r" ? "ONLY " : ""}${quotedNameOf(table)}`);
    const timeout = jobs.length > 1 ? groupLockTimeout : lockTimeout;
    // One round trip: there may be thousands of small tables.
    await session.run(
      `${snapshotSql(snapshot)} SET LOCAL lock_timeout = '${timeout}';
       LOCK TABLE ${names.join(", ")} IN ACCESS SHARE MODE`,
    );
    const wanted = { publication, oids: jobs.map(({ table }) => table.oid) };
    const [then, now] = await Promise.all([readTables(session, wanted), readTables(control, wanted)]);
    const isUnaltered = ({ table }: CopyJob): boolean =>
      [then, now].every((tables) => isSame(table, tables.get(table.oid)));
    return jobs.filter((job) => !isUnaltered(job)).map((job) => ({ kind: "postponed", job }));
  } catch (error) {
    const [first, ...others] = jobs;
    const step = first === undefined ? undefined : stepOf(error, first);
    if (step === undefined) throw error;
    return others.length === 0 ? [step] : undefined;
  }
}

/** Whether statements that were planned for one version of the table are also valid for the other. */
function isSame(planned: CatalogTable, other: CatalogTable | undefined): boolean {
  const essence = ({ schema, name, storage, columns, types, partitions }: CatalogTable): string =>
    JSON.stringify({
      schema,
      name,
      storage,
      types,
      columns: columns.map(({ id, name: column, typeOid, modifier }) => [id, column, typeOid, modifier]),
      partitions: partitions.map(({ oid, storage: file, attachedBy }) => [oid, file, attachedBy]),
    });
  return other !== undefined && essence(planned) === essence(other);
}

/** The outcome of an error for one table; undefined if the error concerns the source. */
function stepOf(error: unknown, job: CopyJob): WorkerStep | undefined {
  const failure = readFailure(error, job.table);
  if (failure === undefined) return undefined;
  return failure === "altered" ? { kind: "postponed", job } : { kind: "failed", job, reason: failure };
}
