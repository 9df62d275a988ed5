import { assert } from "../../../base/assert.ts";
import { Deadline } from "../../../base/deadline.ts";
import { CodedError, withFix, type ErrorCode } from "../../../base/errors.ts";
import { logger } from "../../../base/log.ts";
import type { Block, Cut } from "../../../model/replication/block.ts";
import { copiedBlock, BlockBuilder } from "../stream/block-builder.ts";
import { readTables } from "../catalog/catalog-table.ts";
import { planCopies, type CopyJob, type CopyPiece } from "./copy-plan.ts";
import { positionOf, type LogIdentity } from "../stream/lsn.ts";
import type { StreamNames } from "../names.ts";
import { publishTables } from "../catalog/publication.ts";
import { Session, type ConnectRequest } from "../connection/session.ts";
import { shapeOf } from "../catalog/shape.ts";
import { ExportedSnapshot } from "../stream/slot.ts";
import type { StreamTables } from "../tables/stream-tables.ts";
import { copyTables, type CopyStep } from "./table-copies.ts";
import type { TrackedTable } from "../tables/tracked-table.ts";
import { readTypeContext } from "../catalog/type-context.ts";
import { reportingWaits, type OnWait } from "../catalog/wait-report.ts";

const log = logger("postgres");

/** Connections that read tables in parallel, in addition to the one that reads the stream. */
const copyConnections = 2;

export interface CopierParts {
  readonly connect: ConnectRequest;
  readonly names: StreamNames;
  readonly log: LogIdentity;
  readonly tables: StreamTables;
  readonly onWait: OnWait;
}

/**
 * The stream pauses while a snapshot is renewed, which open transactions delay: after this it continues without a copy.
 */
const renewalDeadlineMs = 10_000;

/** Resources that a copy needs in addition to the stream's, and that the source may have run out of. */
const scarce: ReadonlySet<string> = new Set<ErrorCode>([
  "REPLICATION_SLOTS",
  "WAL_SENDERS",
  "SOURCE_CONNECTIONS",
]);
const scarcityPauseMs = 5_000;

/** Tables that are ready to be copied, all at one position of the log. */
interface PreparedCopy {
  readonly snapshot: ExportedSnapshot;
  readonly tables: readonly TrackedTable[];
  readonly pieces: readonly CopyPiece[];
  /** Whether no table had to be left out because it could not be published. */
  readonly isWhole: boolean;
}

/**
 * Copies the tables that need it. The snapshot is taken in the background while the stream continues, because it waits
 * for open transactions; the copy itself is inserted into the stream between two transactions.
 *
 * The stream may have passed the snapshot by then, and left out changes of these tables that the snapshot lacks. Then
 * another snapshot is taken while the stream pauses: it contains everything that was left out.
 */
export class TableCopier implements AsyncDisposable {
  readonly #parts: CopierParts;
  #state: "idle" | "preparing" | "prepared" = "idle";
  #prepared: PreparedCopy | undefined;
  #bytesRead = 0;
  /** The earliest time at which the next copy may be prepared. */
  #notBefore = 0;

  constructor(parts: CopierParts) {
    this.#parts = parts;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  get isIdle(): boolean {
    return this.#state === "idle" && performance.now() >= this.#notBefore;
  }

  get isPrepared(): boolean {
    return this.#state === "prepared";
  }

  /** Publishes the tables and then takes a snapshot. Prepares nothing if no table can be copied now. */
  async prepare(wanted: readonly TrackedTable[], signal: AbortSignal): Promise<void> {
    this.#state = "preparing";
    const { connect, onWait } = this.#parts;
    // A separate session, since it may wait for locks.
    await using session = await this.#unlessScarce(Session.open(connect, signal));
    if (session === undefined) return;
    const jobs = await reportingWaits(
      { connect, pid: session.backend, onWait },
      () => this.#publish(session, wanted),
      signal,
    );
    if (jobs.length === 0) {
      this.#state = "idle";
      return;
    }
    // The tables are in the publication before any transaction that the snapshot lacks could begin: taking the snapshot
    // waits for all transactions that were open before.
    const snapshot = await this.#unlessScarce(ExportedSnapshot.open({ ...connect, onWait }, signal));
    if (snapshot === undefined) return;
    try {
      const pieces = await planCopies(session, jobs);
      this.#prepared = { snapshot, tables: wanted, pieces, isWhole: jobs.length === wanted.length };
      this.#state = "prepared";
    } catch (error) {
      await snapshot[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Waits for work that uses a slot or connections of the source. If none are left, the tables wait, and the stream,
   * which has its own, continues.
   */
  async #unlessScarce<T>(taken: Promise<T>): Promise<T | undefined> {
    try {
      return await taken;
    } catch (error) {
      if (!this.#isScarce(error)) throw error;
      this.#state = "idle";
      return undefined;
    }
  }

  /** If it is, the reason is reported, and the next attempt is delayed. */
  #isScarce(error: unknown): boolean {
    if (!(error instanceof CodedError) || !scarce.has(error.code)) return false;
    const { code, message, fix } = error;
    this.#parts.onWait({ code, message: withFix(`Copying tables is waiting: ${message}`, fix) });
    this.#notBefore = performance.now() + scarcityPauseMs;
    return true;
  }

  async #publish(session: Session, wanted: readonly TrackedTable[]): Promise<readonly CopyJob[]> {
    const { publication } = this.#parts.names;
    const oids = wanted.map(({ oid }) => oid);
    const found = await readTables(session, { publication, oids });
    const before = await readTypeContext(session, found.values());
    const eligible = [...found.values()].filter((table) => shapeOf(table, before).kind === "shape");
    await publishTables(
      session,
      publication,
      eligible.filter(({ membership }) => membership === null),
    );
    const published = await readTables(session, { publication, oids: eligible.map(({ oid }) => oid) });
    // Types are read after the tables that refer to them, so that a change in between is detected afterwards.
    const context = await readTypeContext(session, published.values());
    return [...published.values()].flatMap((table) => {
      const result = shapeOf(table, context);
      return result.kind === "shape" && table.membership !== null ? [{ table, shape: result.shape }] : [];
    });
  }

  /** Copies the prepared tables. `cut`: where the stream pauses meanwhile. `control` sees the current catalog. */
  async *copy(cut: Omit<Cut, "after">, control: Session, signal: AbortSignal): AsyncGenerator<Block, void> {
    const prepared = await this.#upToDate(signal);
    if (prepared === undefined) return;
    const { snapshot, pieces, isWhole } = prepared;
    const { connect, names } = this.#parts;
    try {
      const request = { connect, publication: names.publication, snapshot: snapshot.snapshot, pieces };
      const isScarce = (error: unknown) => this.#isScarce(error);
      const copied = copyTables({ ...request, connections: copyConnections, control, isScarce }, signal);
      for await (const step of copied) {
        if (step.kind === "rows") {
          this.#bytesRead += step.rows.region.length;
          yield copiedBlock(step.job.shape.relation, step.rows, cut);
          continue;
        }
        if (step.kind === "started" && isWhole) this.#parts.onWait(undefined);
        const block = new BlockBuilder();
        this.#tell(step, snapshot, block);
        block.cut(cut);
        const built = block.build();
        if (built !== undefined) yield built;
      }
    } finally {
      await snapshot[Symbol.asyncDispose]();
      this.#state = "idle";
    }
  }

  /**
   * The prepared copy, with a snapshot that contains every change that was left out; undefined if none is available.
   */
  async #upToDate(signal: AbortSignal): Promise<PreparedCopy | undefined> {
    if (this.#prepared === undefined) return undefined;
    const prepared = { ...this.#prepared, pieces: this.#stillWanted(this.#prepared) };
    this.#prepared = undefined;
    if (!this.#isOvertaken(prepared)) return prepared;
    await prepared.snapshot[Symbol.asyncDispose]();
    using deadline = new Deadline(renewalDeadlineMs, signal);
    try {
      const { connect } = this.#parts;
      const snapshot = await this.#unlessScarce(ExportedSnapshot.open(connect, deadline.signal));
      if (snapshot === undefined) return undefined;
      const renewed = { ...prepared, snapshot };
      assert(
        !this.#isOvertaken(renewed),
        "a snapshot is later than everything that was read before it was taken",
      );
      return renewed;
    } catch (error) {
      signal.throwIfAborted();
      if (!deadline.isPast) throw error;
      log.info({}, "Open transactions at the source delay a copy");
      this.#state = "idle";
      return undefined;
    }
  }

  /**
   * Excludes tables that have left the stream since, or have failed in it; one that has returned is a different table
   * to it.
   */
  #stillWanted({ tables, pieces }: PreparedCopy): readonly CopyPiece[] {
    const { byOid } = this.#parts.tables;
    const wanted = tables.filter((table) => byOid.get(table.oid) === table && table.phase.kind === "wanted");
    const oids = new Set(wanted.map(({ oid }) => oid));
    return pieces.filter(({ job }) => oids.has(job.table.oid));
  }

  #isOvertaken({ snapshot, pieces }: PreparedCopy): boolean {
    return pieces.some(({ job }) => {
      const leftOutAt = this.#parts.tables.byOid.get(job.table.oid)?.leftOutAt;
      return leftOutAt !== undefined && leftOutAt >= snapshot.lsn;
    });
  }

  #tell(step: Exclude<CopyStep, { kind: "rows" }>, { lsn }: ExportedSnapshot, block: BlockBuilder): void {
    const { tables, log } = this.#parts;
    const { shape } = step.job;
    const { relation } = shape;
    const table = tables.byOid.get(step.job.table.oid);
    if (table === undefined) return;
    switch (step.kind) {
      case "started":
        tables.announce(table);
        block.event({ kind: "copy-started", relation });
        return;
      case "finished":
        tables.copied(table, shape, lsn);
        block.event({ kind: "copy-finished", relation, position: positionOf(log, lsn) });
        return;
      case "failed":
        tables.fail(table, step.reason, block);
        return;
      case "postponed":
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#prepared?.snapshot[Symbol.asyncDispose]();
  }
}
