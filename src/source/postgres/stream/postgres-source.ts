import { unlessAborted } from "../../../base/deferred.ts";
import { pause } from "../../../base/backoff.ts";
import { assert } from "../../../base/assert.ts";
import { TaskGroup } from "../../../base/task-group.ts";
import type { Block, Cut } from "../../../model/replication/block.ts";
import type { Position } from "../../../model/replication/position.ts";
import type { Commit, Keepalive } from "../../../wire/postgres/pgoutput/stream.ts";
import type { Reach, Source, SourceMeasures, Standstill } from "../../source.ts";
import type { BackendSocket, Region } from "../connection/backend-socket.ts";
import { BlockBuilder } from "./block-builder.ts";
import type { CatalogWatch } from "../tables/catalog-watch.ts";
import { noBoundary, type Decoder } from "./decoder.ts";
import type { Feedback } from "./feedback.ts";
import { Headway, stallAfterMs } from "./headway.ts";
import { built, LogReader } from "./log-reader.ts";
import { parsePosition, positionOf, type LogIdentity, type Lsn } from "./lsn.ts";
import type { StreamNames } from "../names.ts";
import type { RegionPool } from "../connection/region-pool.ts";
import type { RelationResolver } from "../tables/relation-resolver.ts";
import type { Resources } from "../connection/resources.ts";
import type { ConnectRequest, Session } from "../connection/session.ts";
import { readSlot, slotLost } from "./slot.ts";
import { sourceError } from "../connection/source-error.ts";
import type { Spools } from "./spool.ts";
import { causeOfStall } from "./stall.ts";
import { Gate, standStill } from "../verify/standstill.ts";
import type { StreamTables } from "../tables/stream-tables.ts";
import type { TableCopier } from "../copy/table-copier.ts";
import { evaluate } from "../tables/table-evaluation.ts";

/** The parts of an open stream. */
export interface SourceParts {
  readonly connect: ConnectRequest;
  readonly names: StreamNames;
  readonly log: LogIdentity;
  /** Where the stream begins. */
  readonly start: Lsn;
  readonly catalogPollMs: number;
  readonly tables: StreamTables;
  /** Reads the catalog for the stream, and never waits for locks. */
  readonly control: Session;
  readonly socket: BackendSocket;
  /** Where its regions come from. */
  readonly regions: RegionPool;
  /** The part of the stream that has already arrived. */
  readonly first: Region;
  readonly feedback: Feedback;
  readonly watch: CatalogWatch;
  readonly resolver: RelationResolver;
  readonly copier: TableCopier;
  readonly spools: Spools;
  /** Closes all of the above. */
  readonly resources: Resources;
}

/** A stream without changes still advances, so that the server can remove WAL of other databases. */
const idleCutBytes = 16n << 20n;
const idleCutMs = 10_000;

/** Tables that fail within this time share a check. */
const failureLookMs = 100;
/**
 * With thousands of tables a catalog check is work for the server: checks take a twentieth of the time, but are
 * frequent enough.
 */
const lookShare = 20;
const lookPauseMsMax = 10_000;
/** New tables are checked for earlier, for at most a fifth of the time. */
const newsShare = 4;

/** The meaning of a server error in the stream. */
const streamErrors = {
  // object_not_in_prerequisite_state, undefined_file: the slot was invalidated, or its WAL no longer exists.
  "55000": "SLOT_LOST",
  "58P01": "SLOT_LOST",
  // undefined_object: the publication.
  "42704": "PUBLICATION",
} as const;

/**
 * One stream. Everything that is not a row (copies, changes of the catalog, a standstill) happens at a boundary:
 * between two transactions, or where a keepalive shows that no transaction is in progress.
 */
export class PostgresSource implements Source {
  readonly #parts: SourceParts;
  readonly #log: LogReader;
  readonly #gates: Gate[] = [];
  #position: Lsn;
  #committedAtMs = 0;
  #lastCut: { lsn: Lsn; atMs: number };
  /** Number of the last catalog check that was evaluated. */
  #evaluated = 0;
  #isReading = false;
  /** The catalog check after which tables are prepared for their copy again. */
  #prepareAfter = 0;
  readonly #headway: Headway;
  #retainedBytes: number | undefined;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    const { regions, resolver, spools } = parts;
    this.#log = new LogReader(
      { tables: parts.tables.byOid, regions, resolver, spools },
      {
        commit: (commit, block) => this.#commit(commit, block),
        boundary: (lsn, signal) => this.#boundary(lsn, signal),
        keepalive: (keepalive, signal) => this.#keepalive(keepalive, signal),
      },
    );
    this.#position = parts.start;
    this.#headway = new Headway(parts.start);
    this.#lastCut = { lsn: parts.start, atMs: performance.now() };
  }

  async *read(signal: AbortSignal): AsyncGenerator<Block, never, void> {
    assert(!this.#isReading, "a source is read once");
    this.#isReading = true;
    const { first, socket } = this.#parts;
    const tasks = new TaskGroup(signal);
    try {
      tasks.run((stop) => this.#watchCatalog(stop));
      tasks.run((stop) => this.#watchSlot(stop));
      yield* this.#begin();
      for (let region = first; ; region = await this.#next(tasks.signal)) {
        yield* this.#log.read(region, tasks.signal);
        this.#prepareCopies(tasks);
      }
    } catch (error) {
      throw sourceError(error, streamErrors);
    } finally {
      for (const gate of this.#gates) gate.fail(new Error("the stream ended"));
      socket.destroy();
      await tasks[Symbol.asyncDispose]().catch(() => {});
    }
  }

  confirm(position: Position): void {
    this.#parts.feedback.confirm(parsePosition(position).lsn);
  }

  async *copies(signal: AbortSignal): AsyncGenerator<Block, never, void> {
    try {
      return yield* this.#parts.copier.read(() => this.#ask(), signal);
    } catch (error) {
      throw sourceError(error);
    }
  }

  confirmCopies(position: Position): void {
    this.#parts.copier.confirm(position);
  }

  measures(): SourceMeasures {
    const { socket, copier, tables } = this.#parts;
    return {
      retainedBytes: this.#retainedBytes,
      bytesRead: socket.bytesRead + copier.bytesRead,
      copiesWaiting:
        this.#evaluated === 0
          ? undefined
          : new Set(tables.unannounced().map(({ definition }) => definition.id)),
      copies: copier.copies,
    };
  }

  reach(): Reach {
    const { socket } = this.#parts;
    return this.#headway.reach(Date.now(), socket.isWithinMessage && socket.silenceMs < stallAfterMs);
  }

  async standstill(signal: AbortSignal): Promise<Standstill> {
    const { connect, names, log, watch } = this.#parts;
    // Changes made to the tables until now are applied along the way.
    signal.throwIfAborted();
    await unlessAborted(watch.look({ isFresh: true }), signal);
    const gate = new Gate();
    this.#gates.push(gate);
    const { publication } = names;
    const place = (lsn: Lsn): Position => positionOf(log, lsn);
    return standStill({ connect, gate, publication, positionOf: place, ask: () => this.#ask() }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.resources[Symbol.asyncDispose]();
  }

  /** Gives the target the position to continue from, before anything else. */
  async *#begin(): AsyncGenerator<Block, void> {
    const block = new BlockBuilder();
    this.#evaluate(block);
    block.cut(this.#cut());
    block.wantCheckpoint();
    yield* built(block);
    this.#ask();
  }

  async #next(signal: AbortSignal): Promise<Region> {
    const { received } = this.#decoder;
    this.#headway.wait({ position: this.#position, received }, Date.now());
    const region = await this.#parts.socket.read(signal);
    this.#headway.resume(Date.now());
    return region;
  }

  /** Measures how far the stream is from the end of the source's log, and determines why if it does not come nearer. */
  async #watchSlot(signal: AbortSignal): Promise<void> {
    const { control, names, feedback, copier, catalogPollMs } = this.#parts;
    for (;;) {
      this.#headway.ask(Date.now());
      const slot = await readSlot(control, names.slot);
      if (slot === undefined || slot.isUnusable) throw slotLost(names.slot);
      const { retainsFrom = slot.logEnd } = copier;
      this.#retainedBytes = Math.max(slot.retainedBytes ?? 0, Number(slot.logEnd - retainsFrom));
      // A server that has nothing to send reports its position when asked.
      if (this.#headway.answer(slot.logEnd)) feedback.ask();
      if (this.reach().stall !== undefined)
        this.#headway.explain(await causeOfStall(control, names.slot, this.#position));
      await pause(catalogPollMs, signal);
    }
  }

  /** Requests a boundary as soon as possible. */
  #ask(): void {
    this.#decoder.boundary = 0n;
    this.#parts.feedback.ask();
  }

  async #watchCatalog(signal: AbortSignal): Promise<void> {
    const { watch, tables } = this.#parts;
    let lookMs = 0;
    for (;;) {
      await this.#untilNextLook(lookMs, signal);
      tables.failed.begin();
      const start = performance.now();
      await watch.look();
      lookMs = performance.now() - start;
      const hasNews = watch.observation !== undefined || (watch.view?.number ?? 0) > this.#evaluated;
      if (hasNews || tables.wanted().length > 0) this.#ask();
    }
  }

  /**
   * `lookMs`: how long the last check took. A new table need not wait for its turn, and a table that failed in the
   * stream must leave the publication soon, since its users' updates fail.
   */
  async #untilNextLook(lookMs: number, signal: AbortSignal): Promise<void> {
    const { watch, tables, catalogPollMs } = this.#parts;
    const end = performance.now() + Math.max(catalogPollMs, Math.min(lookMs * lookShare, lookPauseMsMax));
    const probeMs = Math.max(catalogPollMs, lookMs * newsShare);
    for (;;) {
      const leftMs = end - performance.now();
      if (await tables.failed.sleep(Math.min(leftMs, probeMs), signal)) return pause(failureLookMs, signal);
      if (leftMs <= probeMs || (await watch.hasTableNews())) return;
    }
  }

  #prepareCopies(tasks: TaskGroup): void {
    const { copier, tables, watch } = this.#parts;
    const wanted = tables.wanted();
    if (!copier.isIdle || wanted.length === 0 || watch.number <= this.#prepareAfter) return;
    // Tables that cannot be copied now wait for another catalog check.
    this.#prepareAfter = watch.number;
    tasks.run((signal) => copier.prepare(wanted, signal));
  }

  #commit({ endLsn, committedAtMs }: Pick<Commit, "endLsn" | "committedAtMs">, block: BlockBuilder): void {
    this.#position = endLsn;
    this.#committedAtMs = committedAtMs;
    block.cut({ ...this.#cut(), transactions: 1 });
  }

  async *#keepalive({ walEnd, replyRequested }: Keepalive, signal: AbortSignal): AsyncGenerator<Block, void> {
    if (replyRequested) this.#parts.feedback.reply();
    // Within a transaction, its part sent so far is not complete up to there.
    if (this.#decoder.transaction !== undefined) return;
    const stopAt = this.#gate?.boundary ?? noBoundary;
    if (stopAt > this.#position && stopAt < walEnd) {
      // First to where a standstill is to be: a later position, once reported, would not be withdrawn.
      this.#position = stopAt;
      yield* this.#boundary(stopAt, signal);
    }
    if (walEnd > this.#position) this.#position = walEnd;
    if (walEnd >= this.#decoder.boundary) yield* this.#boundary(walEnd, signal);
    const isDue =
      replyRequested ||
      this.#position - this.#lastCut.lsn >= idleCutBytes ||
      performance.now() - this.#lastCut.atMs >= idleCutMs;
    if (!isDue || this.#position === this.#lastCut.lsn) return;
    const block = new BlockBuilder();
    block.cut(this.#cut());
    block.wantCheckpoint();
    yield* built(block);
  }

  /** Everything that committed before `lsn` has been read, and no transaction is in progress. */
  async *#boundary(lsn: Lsn, signal: AbortSignal): AsyncGenerator<Block, void> {
    const { tables, watch, copier } = this.#parts;
    const block = new BlockBuilder();
    this.#evaluate(block);
    const { observation } = watch;
    if (observation !== undefined && observation.lsn <= lsn) watch.taken(tables.observe(observation, block));
    const reveal = tables.revealLsn();
    if (reveal !== undefined && reveal <= lsn) tables.reveal(block);
    if (!block.isEmpty) block.cut(this.#cut());
    yield* built(block);
    yield* this.#stand(lsn, signal);
    if (copier.wantsBoundary) yield* copier.atBoundary(lsn, this.#cut(), signal);
    this.#setBoundary();
  }

  #evaluate(block: BlockBuilder): void {
    const { watch, tables, copier } = this.#parts;
    const { view } = watch;
    for (const [oid, reason] of watch.takeRefused()) {
      const table = tables.byOid.get(oid);
      if (table?.phase.kind === "copied" || table?.phase.kind === "synced") tables.fail(table, reason, block);
      else if (table?.phase.kind === "copying") copier.refuse(table, reason);
    }
    if (view === undefined || view.number <= this.#evaluated) return;
    this.#evaluated = view.number;
    evaluate(tables, view, block);
  }

  /** Pauses for standstills, which need a snapshot of the source that matches the target. */
  async *#stand(lsn: Lsn, signal: AbortSignal): AsyncGenerator<Block, void> {
    const gate = this.#gate;
    if (gate === undefined || (gate.boundary ?? noBoundary) > lsn) return;
    await gate.pause(signal);
    const stopAt = gate.boundary;
    if (stopAt === undefined || stopAt > lsn) return;
    // Nothing has committed between the last transaction and that position.
    this.#position = stopAt;
    const block = new BlockBuilder();
    block.cut(this.#cut());
    block.wantCheckpoint();
    yield* built(block);
    await gate.wait(signal);
  }

  get #decoder(): Decoder {
    return this.#log.decoder;
  }

  /** The first gate that still needs the reader. */
  get #gate(): Gate | undefined {
    while (this.#gates[0]?.isOver === true) this.#gates.shift();
    return this.#gates[0];
  }

  #setBoundary(): void {
    const { tables, watch, copier } = this.#parts;
    const isUrgent = copier.wantsBoundary || (watch.view?.number ?? 0) > this.#evaluated;
    const places = [
      isUrgent ? 0n : undefined,
      watch.observation?.lsn,
      tables.revealLsn(),
      this.#gate?.boundary,
    ].filter((lsn) => lsn !== undefined);
    this.#decoder.boundary = places.reduce((least, lsn) => (lsn < least ? lsn : least), noBoundary);
  }

  /**
   * The stream's current position. The LSN alone is the sequence, without the timeline: a promoted server continues the
   * LSNs of the timeline that it leaves, and what was written before is the same on both. No stream continues in a log
   * without its checkpoint (`assertTimeline`), and a slot that is created again begins at the end of the log.
   */
  #cut(): Omit<Cut, "after"> {
    this.#lastCut = { lsn: this.#position, atMs: performance.now() };
    const position = positionOf(this.#parts.log, this.#position);
    return { position, sequence: this.#position, committedAtMs: this.#committedAtMs, transactions: 0 };
  }
}
