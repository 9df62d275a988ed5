import { stat } from "node:fs/promises";
import { join } from "node:path";
import { SerialQueue } from "../../base/serial-queue.ts";
import { assert } from "../../base/assert.ts";
import { CodedError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { TableFailureReason } from "../../model/replication/block.ts";
import type { Checkpoint, Delta, DeltaStep, RowsStep } from "../../model/replication/delta.ts";
import type { Position } from "../../model/replication/position.ts";
import type { TableDefinition } from "../../model/replication/relation.ts";
import type { Progress, TableRecord } from "../../model/replication/table-state.ts";
import type { DatabaseRequest, DatabaseView, DestinationDatabase, TableMeasure } from "../target.ts";
import { openView } from "./tables/database-view.ts";
import type { DuckDb } from "./instance/duck-db.ts";
import { duckFailure, writeFailure } from "./instance/duck-errors.ts";
import { fileOf } from "./instance/file-names.ts";
import { largePartOf } from "./tables/large-part.ts";
import { isLeft, Ledger, recordOf, type StoredCopies, type TableEntry } from "./tables/ledger.ts";
import { OpenSegments } from "./tables/open-segments.ts";
import { PhysicalTables } from "./tables/physical-tables.ts";
import { RowCounts } from "./tables/row-counts.ts";
import { storedNames } from "./tables/stored-columns.ts";
import { readFills } from "./apply/column-fill.ts";
import { CopyWriter } from "./apply/copy-writer.ts";
import type { WriterTools } from "./apply/rows-writer.ts";
import { HugeRows, RowWriters } from "./apply/row-writers.ts";
import type { Session } from "./instance/session.ts";
import { quoted } from "./instance/sql-text.ts";
import { TableEvents } from "./tables/table-events.ts";
import { TableSet } from "./tables/table-set.ts";

const log = logger("duckdb");

// When nothing has been applied for this long and the log has grown this large, it is written to the database file.
const idleMs = 5_000;
const idleLogBytesMax = 4 * 1024 ** 2;

/** Share of the memory limit from which on a row is huge: with two of them in two transactions it would be too small. */
const hugeShare = 1 / 16;

/** Share of the memory limit for what only a checkpoint writes to disk. */
const segmentsShare = 0.3;

/** The initial state of an opened database. */
interface Beginning {
  readonly duck: DuckDb;
  readonly session: Session;
  readonly ledger: Ledger;
  readonly name: string;
  readonly epoch: number;
  readonly position: Position | undefined;
  readonly tables: TableSet;
  readonly withLargePart: readonly string[];
  readonly copies: StoredCopies;
  readonly onClosed: (closed: DuckDbDatabase) => void;
}

/** The destination database of one stream. A transaction is open from the first delta after a checkpoint to the next. */
export class DuckDbDatabase implements DestinationDatabase {
  readonly name: string;
  readonly #duck: DuckDb;
  readonly #session: Session;
  readonly #ledger: Ledger;
  readonly #epoch: number;
  readonly #tables: TableSet;
  readonly #physical: PhysicalTables;
  readonly #events: TableEvents;
  readonly #counts = new RowCounts();
  readonly #segments = new OpenSegments();
  readonly #hugeRows: HugeRows;
  readonly #writers: RowWriters;
  readonly #withLargePart: readonly string[];
  #copies: Promise<CopyWriter> | undefined;
  /** As of the last commit. */
  #copiesPosition: Position | undefined;
  readonly #copiesProgress: Map<string, string>;
  readonly #onClosed: (closed: DuckDbDatabase) => void;
  #position: Position | undefined;
  #hasLeftRows: boolean;
  /** Since the last commit. */
  #hasSteps = false;
  /** Number of commits that changed something. */
  #commits = 0;
  /** The last result of `tables`, while nothing has changed: counting the rows of thousands of tables is slow. */
  #measured: readonly TableMeasure[] | undefined;
  #closed = false;
  readonly #queue = new SerialQueue();
  #idle: NodeJS.Timeout | undefined;

  private constructor(beginning: Beginning) {
    const { duck, session, ledger, name, epoch, position, tables, withLargePart, copies, onClosed } =
      beginning;
    this.#onClosed = onClosed;
    this.name = name;
    this.#duck = duck;
    this.#session = session;
    this.#ledger = ledger;
    this.#epoch = epoch;
    this.#position = position;
    this.#tables = tables;
    this.#hasLeftRows = tables.left().length > 0;
    this.#hugeRows = new HugeRows(duck.memoryBytes * hugeShare);
    this.#withLargePart = withLargePart;
    this.#copiesPosition = copies.position;
    this.#copiesProgress = copies.progress;
    this.#physical = this.#physicalTables(session);
    const tools = toolsOf(duck, session);
    this.#events = new TableEvents(this.#physical, tables, (...added) => readFills(tools, ...added));
    this.#writers = new RowWriters({
      tools,
      physical: this.#physical,
      addLargePart: (relation) => this.#events.addLargePart(relation),
      showMinusZeros: (relation) => this.#events.showAgain(relation),
      turns: this.#hugeRows,
    });
  }

  /**
   * The file must be attached. Creates the ledger if there is none, takes over one that has no owner, and starts the
   * epoch. Throws errors of DuckDB, and `CodedError` TARGET_FENCED.
   */
  static async open(
    duck: DuckDb,
    request: DatabaseRequest,
    onClosed: (closed: DuckDbDatabase) => void,
  ): Promise<DuckDbDatabase> {
    const { name, epoch } = request;
    const session = await duck.writerSession();
    try {
      const ledger = new Ledger(session, name);
      // Views reference their tables without the database.
      await session.run(`USE ${quoted(name)}`);
      await session.run("BEGIN");
      const ownership = await ledger.ownership();
      if (ownership === undefined) await ledger.create(request);
      else if (ownership.stream === undefined) await ledger.takeOver(request);
      await ledger.writeOrigin(request);
      if (!(await ledger.startEpoch(epoch))) throw fenced(name);
      await ledger.addSigns();
      const position = await ledger.position();
      const entries = await ledger.entries();
      const tables = new TableSet(entries);
      const copies = await ledger.copies(entries);
      const withLargePart = await ledger.tablesWithLargePart();
      await session.run("COMMIT");
      return new DuckDbDatabase({
        duck,
        session,
        ledger,
        name,
        epoch,
        position,
        tables,
        withLargePart,
        copies,
        onClosed,
      });
    } catch (error) {
      session.close();
      throw error;
    }
  }

  progress(): Progress {
    const tables = this.#ownTables().map((entry) => this.#recordOf(entry));
    return { checkpoint: this.#position, copies: this.#copiesPosition, tables };
  }

  /** Whether readers see rows that the previous stream left, as of the last commit. */
  get hasLeftRows(): boolean {
    return this.#hasLeftRows;
  }

  apply(delta: Delta, signal: AbortSignal): Promise<void> {
    return this.#alone(async () => {
      signal.throwIfAborted();
      await this.#begin();
      for (const step of delta.steps) {
        signal.throwIfAborted();
        await this.#step(step);
      }
      if (delta.checkpoint !== undefined) await this.#commit(delta.checkpoint);
      this.#duck.applied(delta.bytes);
      await this.#checkpointIfDue();
    });
  }

  async applyCopies(delta: Delta, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#copies ??= this.#openCopies();
    const copies = await this.#copies;
    for (const step of delta.steps) if (step.kind === "rows") this.#noteCopied(step);
    await copies.apply(delta);
    this.#duck.applied(delta.bytes);
    if (delta.checkpoint !== undefined && this.#isCheckpointDue)
      await this.#alone(() => this.#checkpointIfDue());
  }

  failTable(table: TableDefinition, reason: TableFailureReason): Promise<void> {
    return this.#alone(async () => {
      assert(!this.#writers.isOpen, "a table is recorded as failed between transactions");
      await this.#begin();
      await this.#step({ kind: "event", event: { kind: "failed", relation: table, reason } });
      await this.#commit(undefined);
    });
  }

  async tables(): Promise<readonly TableMeasure[]> {
    const measured = this.#measured;
    if (measured !== undefined) return measured;
    const commits = this.#commits;
    const entries = this.#ownTables();
    const sizes = await this.#duck.estimatedRows(this.name);
    // Rows of a copy in progress have not been committed: only the estimate includes them.
    const settled = entries.filter(({ phase }) => phase.kind !== "copying");
    const estimates = new Map(settled.flatMap(countedTable).map((table) => [table, sizes.get(table) ?? 0]));
    const counts = await this.#counts.of(estimates, (tables) => {
      const parts = tables.map((table) => ({ table, hasLargePart: sizes.has(largePartOf(table)) }));
      return this.#duck.countRows(this.name, parts);
    });
    const measures = entries.map((entry) => {
      const [table] = countedTable(entry);
      const estimate = { rows: sizes.get(table ?? "") ?? 0, isEstimate: table !== undefined };
      return { record: this.#recordOf(entry), ...(counts.get(table ?? "") ?? estimate) };
    });
    const isCounted =
      settled.length === entries.length && [...counts.values()].every(({ isEstimate }) => !isEstimate);
    if (commits === this.#commits && isCounted) this.#measured = measures;
    return measures;
  }

  async view(): Promise<DatabaseView> {
    return openView(await this.#duck.session(), this.name);
  }

  /** Undoes what has not been committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#idle);
    await this.#queue.idle();
    await (await this.#copies?.catch(() => undefined))?.close();
    this.#writers.release();
    this.#session.close();
    this.#onClosed(this);
  }

  #recordOf(entry: TableEntry): TableRecord {
    return recordOf(entry, this.#copiesProgress.get(entry.rows ?? ""));
  }

  #remeasure(): void {
    this.#commits += 1;
    this.#measured = undefined;
  }

  #ownTables(): TableEntry[] {
    return this.#tables.committed().filter((entry) => !isLeft(entry));
  }

  async #begin(): Promise<void> {
    if (!this.#writers.isOpen) await this.#writers.begin();
  }

  async #step(step: DeltaStep): Promise<void> {
    this.#hasSteps = true;
    if (step.kind === "rows") return this.#rows(step);
    await this.#writers.forget();
    try {
      await this.#events.apply(step.event);
    } catch (error) {
      throw writeFailure(error, step.event.relation);
    }
  }

  async #rows(step: RowsStep): Promise<void> {
    const entry = this.#tables.of(step.relation.id);
    assert(entry?.rows !== undefined, "rows belong to a table that is replicated");
    this.#counts.note(entry.rows);
    this.#segments.wrote(entry.rows, storedNames(step.relation.columns).length);
    await this.#writers.write(step, entry.rows);
  }

  async #openCopies(): Promise<CopyWriter> {
    const session = await this.#duck.writerSession();
    const physical = this.#physicalTables(session);
    return new CopyWriter({
      tools: toolsOf(this.#duck, session),
      physical,
      ledger: new Ledger(session, this.name),
      turns: this.#hugeRows,
      rowsOf: ({ id }) => this.#tables.committedOf(id)?.rows,
      onCommitted: (tables, { position, progress }) => {
        this.#copiesPosition = position;
        for (const [table, state] of progress) this.#copiesProgress.set(table, state);
        for (const table of tables)
          if (physical.largePart(table) !== undefined) this.#physical.adoptLargePart(table);
        this.#counts.committed(tables);
        this.#remeasure();
      },
    });
  }

  #physicalTables(session: Session): PhysicalTables {
    const { rowSizes: sizes } = this.#duck;
    return new PhysicalTables(session, {
      database: this.name,
      prefix: String(this.#epoch),
      withLargePart: this.#withLargePart,
      sizes,
    });
  }

  #noteCopied({ relation }: RowsStep): void {
    const rows = this.#tables.committedOf(relation.id)?.rows;
    if (rows !== undefined) this.#segments.wrote(rows, storedNames(relation.columns).length);
  }

  async #commit(checkpoint: Checkpoint | undefined): Promise<void> {
    const changed = this.#tables.changed();
    for (const entry of changed) await this.#ledger.writeEntry(entry);
    await this.#writeCheckpoint(checkpoint);
    await this.#writers.commit();
    if (changed.length > 0) this.#duck.schemasChanged(this.name);
    this.#tables.commit();
    if (this.#hasSteps) this.#remeasure();
    this.#hasSteps = false;
    this.#counts.commit();
    this.#hasLeftRows = this.#tables.left().length > 0;
    if (checkpoint !== undefined) this.#position = checkpoint.position;
    this.#watchIdle();
  }

  async #writeCheckpoint(checkpoint: Checkpoint | undefined): Promise<void> {
    let held = false;
    try {
      held = await this.#ledger.writeCheckpoint(checkpoint, this.#epoch);
    } catch (error) {
      // Two transactions have changed the same row: the other one has the newer epoch.
      if (duckFailure(error)?.type !== "TransactionContext") throw error;
    }
    if (!held) throw fenced(this.name);
  }

  async #rollback(): Promise<void> {
    if (!this.#writers.isOpen) return;
    this.#tables.rollback();
    this.#counts.rollback();
    await this.#writers.rollback();
  }

  /** Serializes work. Any failure rolls back: a COMMIT after an error would silently commit nothing. */
  #alone(work: () => Promise<void>): Promise<void> {
    return this.#queue.run(async () => {
      if (this.#closed) throw new CodedError("TARGET_FAILED", "The destination database has been closed.");
      clearTimeout(this.#idle);
      try {
        await work();
      } catch (error) {
        await this.#rollback();
        throw writeFailure(error);
      }
    });
  }

  #watchIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      this.#settle().catch((error: unknown) => {
        log.warn(
          { database: this.name, reason: writeFailure(error).message },
          "A checkpoint was not possible",
        );
      });
    }, idleMs);
    this.#idle.unref();
  }

  /** Releases what only a busy stream needs. */
  async #settle(): Promise<void> {
    if (this.#writers.isOpen || this.#closed) return;
    const { size } = await stat(join(this.#duck.directory, `${fileOf(this.name)}.wal`)).catch(() => ({
      size: 0,
    }));
    await this.#alone(async () => {
      if (this.#writers.isOpen) return;
      await this.#writers.forget();
      if (size < idleLogBytesMax) return;
      await this.#checkpointUnlessRead();
    });
  }

  get #isCheckpointDue(): boolean {
    return this.#segments.bytes > this.#duck.memoryBytes * segmentsShare;
  }

  async #checkpointIfDue(): Promise<void> {
    if (!this.#writers.isOpen && this.#isCheckpointDue) await this.#checkpointUnlessRead();
  }

  /**
   * DuckDB does not checkpoint while a reader needs the state before the last commits, or while rows of a copy have not
   * been committed: a later commit retries.
   */
  async #checkpointUnlessRead(): Promise<void> {
    try {
      await this.#checkpoint();
    } catch (error) {
      if (duckFailure(error)?.type !== "TransactionContext") throw error;
      log.debug({ database: this.name }, "A reader or a copy holds up a checkpoint");
    }
  }

  async #checkpoint(): Promise<void> {
    await this.#duck.checkpoint(this.name);
    // The blocks that were written stay in memory.
    this.#duck.applied(this.#segments.bytes);
    this.#segments.checkpointed();
    this.#remeasure();
  }
}

function toolsOf(duck: DuckDb, session: Session): WriterTools {
  return {
    session,
    feeds: duck.feeds,
    feedTools: duck.feeds.tools(),
    sizes: duck.rowSizes,
    requireSpace: () => duck.requireSpace(),
  };
}

function fenced(name: string): CodedError {
  return new CodedError(
    "TARGET_FENCED",
    `Database ${JSON.stringify(name)} has been opened by another writer.`,
  );
}

/** The physical table whose rows a status shows, if there is one. */
function countedTable({ rows, shown }: TableEntry): string[] {
  return [rows ?? shown?.rows].filter((table) => table !== undefined);
}
