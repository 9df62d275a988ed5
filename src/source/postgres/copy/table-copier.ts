import { present } from "../../../base/assert.ts";
import { Condition } from "../../../base/condition.ts";
import { CodedError, withFix, type ErrorCode } from "../../../base/errors.ts";
import type { SecretBytes } from "../../../base/secret.ts";
import type { Block, Cut, TableFailureReason } from "../../../model/replication/block.ts";
import type { Position } from "../../../model/replication/position.ts";
import type { CopyMeasure } from "../../source.ts";
import type { OnWait } from "../catalog/wait-report.ts";
import type { ConnectRequest, Session } from "../connection/session.ts";
import type { StreamNames } from "../names.ts";
import { BlockBuilder, copiedBlock } from "../stream/block-builder.ts";
import { built } from "../stream/log-reader.ts";
import { formatLsn, positionOf, type LogIdentity, type Lsn } from "../stream/lsn.ts";
import { Spools } from "../stream/spool.ts";
import type { StreamTables } from "../tables/stream-tables.ts";
import type { TrackedTable } from "../tables/tracked-table.ts";
import { dropSlot } from "../stream/slot.ts";
import { CatchUp } from "./catch-up.ts";
import { CopyMeasures } from "./copy-measures.ts";
import { pieceCountOf, piecesOf, type CopyJob, type CopyPiece } from "./copy-plan.ts";
import {
  PieceSet,
  parsePositionOfCopies,
  positionOfCopies,
  type CopiesState,
  type TableProgress,
} from "./copy-progress.ts";
import { Meeting, type HandOver } from "./meeting.ts";
import { prepareCopy, type PreparedCopy } from "./prepared-copy.ts";
import { readMixedUntil, tablesWithParts } from "./resume-copies.ts";
import { copyTables, type CopyStep } from "./snapshot-copy.ts";

/** Connections that read tables in parallel, in addition to the one that reads the stream. */
const copyConnections = 2;

export interface CopierParts {
  readonly connect: ConnectRequest;
  readonly names: StreamNames;
  readonly log: LogIdentity;
  readonly tables: StreamTables;
  /** A session that sees the current catalog. */
  readonly control: Session;
  /** For transactions that the server sends before their commit while copied tables catch up. */
  readonly spoolDirectory: string;
  readonly dataKey: SecretBytes;
  readonly onWait: OnWait;
  /** A copy that an earlier process began. */
  readonly resumed: PreparedCopy | undefined;
  /** Where the stream begins. Its first boundaries may be earlier. */
  readonly start: Lsn;
}

/** Errors for resources that a copy needs in addition to the stream's, and of which the source may have none left. */
const scarce: ReadonlySet<string> = new Set<ErrorCode>([
  "REPLICATION_SLOTS",
  "WAL_SENDERS",
  "SOURCE_CONNECTIONS",
]);
const scarcityPauseMs = 5_000;

/** The target creates a table for each of them: the stream should not wait for thousands at once. */
const announcedAtOnceMax = 50;

/** If the last catch-up took less than this, the next one should, too, so the stream can wait for it. */
const nearMs = 100;
/** After this many catch-ups that all took longer, the stream waits for the copy anyway. */
const chasesMax = 30;

/** How a table's copy ended. */
type Outcome = Exclude<CopyStep, { kind: "rows" | "started" | "read" }>;

/** Tables that are copied together. */
interface Round {
  readonly prepared: PreparedCopy;
  readonly tables: ReadonlyMap<CopyJob, TrackedTable>;
  readonly outcomes: Map<CopyJob, Outcome>;
  /** The pieces that have been read. */
  readonly done: Map<CopyJob, PieceSet>;
  /** See `ResumedCopy`. */
  readonly mixed: Set<CopyJob>;
}

/**
 * Copies tables concurrently with the stream, which omits their changes in the meantime.
 *
 * ```
 * prepare: publish, snapshot ─▶ announce ─▶ copy rows ─▶ catch up from the snapshot's slot ─▶ hand over
 * ```
 *
 * The copy first contains the tables as of its snapshot. It then reads the later changes until it has nearly caught up
 * with the stream. The stream pauses briefly, the copy reaches the same position, and the stream takes over the tables.
 */
export class TableCopier implements AsyncDisposable {
  readonly #parts: CopierParts;
  readonly #changed = new Condition();
  #isPreparing = false;
  /** Until its tables have been handed over. */
  #prepared: PreparedCopy | undefined;
  /** As in `CopiesState`. */
  #mixedUntil: CopiesState["mixedUntil"];
  readonly #measures = new CopyMeasures();
  #catchUp: CatchUp | undefined;
  #bytesRead = 0;
  /** The earliest time at which the next copy may be prepared. */
  #notBefore = 0;
  #meeting: Meeting | undefined;
  /** Tables whose copy has not been announced in the stream yet. */
  #unannounced: (readonly [CopyJob, TrackedTable])[] = [];
  /** Tables that left the publication during their copy, by oid. */
  readonly #refused = new Map<number, TableFailureReason>();
  /** Numbers of the cuts that were yielded, and that the target has confirmed. */
  #cuts = 0;
  #confirmed = 0;

  constructor(parts: CopierParts) {
    this.#parts = parts;
    this.#prepared = parts.resumed;
  }

  get bytesRead(): number {
    return this.#bytesRead + (this.#catchUp?.bytesRead ?? 0);
  }

  /** See `SourceMeasures`. */
  get copies(): ReadonlyMap<string, CopyMeasure> {
    return this.#measures.measures();
  }

  get isIdle(): boolean {
    return !this.#isPreparing && this.#prepared === undefined && performance.now() >= this.#notBefore;
  }

  /** The start of the log that the source retains for the current copy. */
  get retainsFrom(): Lsn | undefined {
    return this.#catchUp?.position ?? this.#prepared?.slot.lsn;
  }

  /** Whether the stream should call `atBoundary` at its next boundary. */
  get wantsBoundary(): boolean {
    return this.#meeting !== undefined || this.#unannounced.length > 0;
  }

  /** Publishes the tables and takes a snapshot, for `read`. Prepares nothing if no table can be copied now. */
  async prepare(wanted: readonly TrackedTable[], signal: AbortSignal): Promise<void> {
    this.#isPreparing = true;
    const { connect, names, onWait } = this.#parts;
    try {
      const { publication, copySlot } = names;
      const request = { connect, publication, copySlot, onWait };
      this.#prepared = await prepareCopy(request, wanted, signal);
    } catch (error) {
      // The tables wait, and the stream, which has its own resources, continues.
      if (!this.#isScarce(error)) throw error;
    }
    this.#isPreparing = false;
    this.#changed.notify();
  }

  /** See `Source.copies`. `ask`: asks the stream to reach a boundary soon. */
  async *read(ask: () => void, signal: AbortSignal): AsyncGenerator<Block, never> {
    for (;;) {
      while (this.#prepared === undefined) await this.#changed.wait(signal);
      try {
        yield* this.#round(this.#prepared, ask, signal);
        await this.#close();
        await dropSlot(this.#parts.control, this.#parts.names.copySlot, signal);
      } finally {
        await this.#close();
        this.#prepared = undefined;
        this.#measures.clear();
        this.#refused.clear();
      }
    }
  }

  /** See `Source.confirmCopies`. */
  confirm(position: Position): void {
    this.#confirmed = parsePositionOfCopies(position).number;
    this.#changed.notify();
  }

  /** A table that is being copied has left the publication: it fails when its copy ends. */
  refuse(table: TrackedTable, reason: TableFailureReason): void {
    this.#refused.set(table.oid, reason);
  }

  /**
   * For the stream, between two transactions: everything that was committed before `lsn` has been read. Announces and
   * ends copies. The stream pauses while a copy that has nearly caught up reaches the same position.
   */
  async *atBoundary(lsn: Lsn, cut: Omit<Cut, "after">, signal: AbortSignal): AsyncGenerator<Block, void> {
    const block = new BlockBuilder();
    const meeting = this.#meeting;
    // The copy may request another meeting as soon as this one has ended.
    this.#meeting = undefined;
    const handOver = await meeting?.attend(lsn, signal);
    const count = handOver === undefined ? announcedAtOnceMax : this.#unannounced.length;
    for (const [{ shape }, table] of this.#unannounced.splice(0, count)) {
      this.#parts.tables.announce(table);
      const kind = this.#prepared?.resumed === undefined ? "copy-started" : "copy-resumed";
      block.event({ kind, relation: shape.relation });
    }
    handOver?.(block);
    if (!block.isEmpty) block.cut(cut);
    yield* built(block);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async *#round(prepared: PreparedCopy, ask: () => void, signal: AbortSignal): AsyncGenerator<Block, void> {
    const round = this.#begin(prepared);
    if (round.tables.size === 0) return;
    for (const table of round.tables.values()) table.enter({ kind: "copying" });
    this.#unannounced = [...round.tables];
    ask();
    yield* this.#copyRows(round, signal);
    yield* this.#settle(signal);
    // All pieces were read before.
    const alike = this.#mixedUntil === "unknown" ? await readMixedUntil(this.#parts.control) : undefined;
    for (let chases = 0, chaseMs = Infinity; ; chases += 1) {
      const meeting = new Meeting();
      this.#meeting = meeting;
      ask();
      const lsn = await meeting.arrival(signal);
      const isBehind = this.#isBehind(round);
      const isNear = !isBehind || chaseMs < nearMs || chases >= chasesMax;
      const isLast = isNear && !this.#isTooEarly(lsn);
      if (!isLast) meeting.end();
      const start = performance.now();
      if (isBehind) yield* this.#chase(round, lsn, signal);
      if (alike !== undefined && this.#mixedUntil === "unknown" && this.#reached(prepared) >= alike)
        yield* this.#unmix(round, signal);
      if (isLast) {
        meeting.end(this.#handOver(round, lsn));
        ask();
        return;
      }
      chaseMs = performance.now() - start;
    }
  }

  /**
   * Excludes tables that have since left the stream or have failed in it. To the stream, a table that has returned is a
   * different table.
   */
  #joining({ tables, jobs, resumed }: PreparedCopy): ReadonlyMap<CopyJob, TrackedTable> {
    const { byOid } = this.#parts.tables;
    const expected = resumed === undefined ? "wanted" : "copying";
    const wanted = new Map(
      tables
        .filter((table) => byOid.get(table.oid) === table && table.phase.kind === expected)
        .map((table) => [table.oid, table]),
    );
    return new Map(
      jobs.flatMap((job) => {
        const table = wanted.get(job.table.oid);
        return table === undefined ? [] : [[job, table]];
      }),
    );
  }

  #begin(prepared: PreparedCopy): Round {
    const { jobs, resumed } = prepared;
    const done = new Map(jobs.map((job) => [job, resumed?.done.get(job) ?? new PieceSet()]));
    const mixed = new Set(resumed?.mixed);
    this.#mixedUntil = resumed?.state.mixedUntil;
    if (mixed.size > 0) this.#mixedUntil ??= "unknown";
    return { prepared, tables: this.#joining(prepared), outcomes: new Map(), done, mixed };
  }

  async *#copyRows(round: Round, signal: AbortSignal): AsyncGenerator<Block, void> {
    const { prepared, tables, outcomes, done } = round;
    const { slot, snapshot, isWhole, resumed } = prepared;
    const versions = resumed && ({ snapshot, which: "old" } as const);
    const left = [...tables.keys()].flatMap((job) => {
      const pieces = piecesOf(job, versions).filter(({ index }) => done.get(job)?.has(index) !== true);
      if (pieces.length === 0) outcomes.set(job, { kind: "finished", job });
      return pieces;
    });
    for await (const step of this.#copy(left, slot.snapshot, signal)) {
      if (step.kind === "rows") yield copiedBlock(step.job.shape.relation, step.rows, false);
      else if (step.kind === "read") yield* this.#progress(step.pieces, round);
      else if (step.kind === "started") {
        this.#measures.started(step.job, present(done.get(step.job), "every table has a set of pieces"));
        if (isWhole) this.#parts.onWait(undefined);
      } else {
        outcomes.set(step.job, step);
        this.#measures.ended(step.job);
      }
    }
  }

  /**
   * After pieces have been read with several snapshots, the changes since the first one have been read, which end at a
   * position behind the last one. What is missing are rows that updates have moved to pages that had been read before, if
   * PostgreSQL has not sent large values that were left unchanged. They are read from the table.
   */
  async *#unmix(round: Round, signal: AbortSignal): AsyncGenerator<Block, void> {
    const { resumed, start } = round.prepared;
    const isUnknown = resumed !== undefined && (resumed.hasAncientRows || resumed.state.at > start);
    if (!isUnknown && this.#catchUp?.hasUpdates !== true) {
      this.#mixedUntil = undefined;
      return;
    }
    yield* this.#readNewVersions(round, signal);
    this.#mixedUntil = await readMixedUntil(this.#parts.control);
    yield* this.#settle(signal);
  }

  async *#readNewVersions(round: Round, signal: AbortSignal): AsyncGenerator<Block, void> {
    const { prepared, outcomes, mixed } = round;
    const { control } = this.#parts;
    const keyed = [...this.#complete(round).keys()].filter(
      (job) => mixed.has(job) && job.shape.relation.identity.kind === "key",
    );
    const versions = { snapshot: prepared.snapshot, which: "new" } as const;
    const jobs = prepared.resumed?.hasAncientRows === true ? keyed : await tablesWithParts(control, keyed);
    const pieces = jobs.flatMap((job) => piecesOf(job, versions));
    for await (const step of this.#copy(pieces, undefined, signal)) {
      if (step.kind === "rows") yield copiedBlock(step.job.shape.relation, step.rows, true);
      else if (step.kind === "failed" || step.kind === "postponed") outcomes.set(step.job, step);
    }
  }

  async *#copy(
    pieces: readonly CopyPiece[],
    snapshot: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<CopyStep, void> {
    const { connect, names, control } = this.#parts;
    const request = {
      connect,
      publication: names.publication,
      snapshot,
      pieces,
      connections: copyConnections,
      control,
      isScarce: (error: unknown) => this.#isScarce(error),
    };
    for await (const step of copyTables(request, signal)) {
      if (step.kind === "rows") this.#bytesRead += step.rows.region.length;
      yield step;
    }
  }

  /** What a restart need not read again. A table of one piece is read again. */
  *#progress(pieces: readonly CopyPiece[], { prepared, done, mixed }: Round): Generator<Block, void> {
    const block = new BlockBuilder();
    for (const { job, index } of pieces) done.get(job)?.add(index);
    for (const job of new Set(pieces.map((piece) => piece.job))) {
      if (pieceCountOf(job) === 1) continue;
      const progress: TableProgress = {
        start: formatLsn(prepared.start),
        snapshot: prepared.snapshot,
        pages: job.pages,
        done: String(done.get(job)),
        isMixed: mixed.has(job),
      };
      block.event({
        kind: "copied-part",
        relation: job.shape.relation,
        progress: JSON.stringify(progress),
      });
    }
    block.cut(this.#cut(0));
    yield* built(block);
  }

  /**
   * Whether a copy that was resumed cannot end at this position: its tables may contain later versions of rows, or lack
   * changes that an earlier process left out.
   */
  #isTooEarly(lsn: Lsn): boolean {
    if (this.#prepared?.resumed === undefined) return false;
    return lsn < this.#parts.start || this.#isMixedAt(lsn);
  }

  #isMixedAt(lsn: Lsn): boolean {
    return this.#mixedUntil === "unknown" || (this.#mixedUntil !== undefined && lsn < this.#mixedUntil);
  }

  /** Whether the stream has left out changes that the copied tables still lack. */
  #isBehind(round: Round): boolean {
    const reached = this.#reached(round.prepared);
    if (this.#isTooEarly(reached)) return true;
    return [...this.#complete(round).values()].some(
      ({ leftOutAt }) => leftOutAt !== undefined && leftOutAt >= reached,
    );
  }

  /** Tables whose copies contain all rows of the snapshot and can be brought up to date. */
  #complete({ tables, outcomes }: Round): ReadonlyMap<CopyJob, TrackedTable> {
    return new Map(
      [...tables].filter(
        ([job, { oid }]) => outcomes.get(job)?.kind === "finished" && this.#catchUp?.lost.has(oid) !== true,
      ),
    );
  }

  /** Yields the changes that were committed before `lsn`. */
  async *#chase(round: Round, lsn: Lsn, signal: AbortSignal): AsyncGenerator<Block, void> {
    const { names, control, spoolDirectory, dataKey } = this.#parts;
    this.#catchUp ??= await CatchUp.open(
      {
        slot: round.prepared.slot,
        isMixed: (lsn) => this.#isMixedAt(lsn),
        cannotRepeat: new Set(
          [...round.mixed].flatMap(({ shape: { relation } }) =>
            relation.identity.kind === "row" ? [relation.id] : [],
          ),
        ),
        publication: names.publication,
        jobs: [...this.#complete(round).keys()],
        control,
        openSpools: () => Spools.open(spoolDirectory, dataKey),
        cut: (block, transactions) => block.cut(this.#cut(transactions)),
      },
      signal,
    );
    yield* this.#catchUp.readTo(lsn, signal);
    yield* this.#settle(signal);
  }

  /** Waits until the target has stored everything that was yielded. */
  async *#settle(signal: AbortSignal): AsyncGenerator<Block, void> {
    const block = new BlockBuilder();
    block.cut(this.#cut(0));
    block.wantCheckpoint();
    yield* built(block);
    while (this.#confirmed < this.#cuts) await this.#changed.wait(signal);
    this.#catchUp?.confirm();
  }

  /** `lsn`: the position of the stream. The copied tables are there too, or at a later position. */
  #handOver(round: Round, lsn: Lsn): HandOver {
    const { tables, outcomes, prepared } = round;
    const reached = this.#reached(prepared);
    const from = lsn > reached ? lsn : reached;
    const complete = this.#complete(round);
    const refused = new Map(this.#refused);
    return (block) => {
      for (const [job, table] of tables) {
        const outcome = outcomes.get(job);
        const reason = outcome?.kind === "failed" ? outcome.reason : refused.get(table.oid);
        if (reason !== undefined) this.#parts.tables.fail(table, reason, block);
        else if (complete.has(job)) {
          this.#parts.tables.copied(table, job.shape, from);
          const position = positionOf(this.#parts.log, from);
          block.event({ kind: "copy-finished", relation: job.shape.relation, position });
        } else table.enter({ kind: "wanted" });
      }
    };
  }

  /** Closes the connections of the current copy. */
  async #close(): Promise<void> {
    const catchUp = this.#catchUp;
    this.#catchUp = undefined;
    this.#bytesRead += catchUp?.bytesRead ?? 0;
    await catchUp?.[Symbol.asyncDispose]();
    await this.#prepared?.slot[Symbol.asyncDispose]();
  }

  /** The copied tables contain what was committed before. */
  #reached({ slot }: PreparedCopy): Lsn {
    return this.#catchUp?.position ?? slot.lsn;
  }

  #cut(transactions: number): Omit<Cut, "after"> {
    const prepared = present(this.#prepared, "blocks are yielded while tables are copied");
    this.#cuts += 1;
    const position = positionOfCopies({
      number: this.#cuts,
      start: prepared.start,
      at: this.#reached(prepared),
      mixedUntil: this.#mixedUntil,
    });
    return { position, sequence: BigInt(this.#cuts), committedAtMs: 0, transactions };
  }

  /** If so, also reports the reason and delays the next attempt. */
  #isScarce(error: unknown): boolean {
    if (!(error instanceof CodedError) || !scarce.has(error.code)) return false;
    const { code, message, fix } = error;
    this.#parts.onWait({ code, message: withFix(`Copying tables is waiting: ${message}`, fix) });
    this.#notBefore = performance.now() + scarcityPauseMs;
    return true;
  }
}
