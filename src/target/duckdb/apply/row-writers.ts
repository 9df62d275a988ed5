import { deferred } from "../../../base/deferred.ts";
import type { RowsStep } from "../../../model/replication/delta.ts";
import type { TableDefinition } from "../../../model/replication/relation.ts";
import { writeFailure } from "../instance/duck-errors.ts";
import type { PhysicalTables } from "../tables/physical-tables.ts";
import { sortStep, type SortedRows } from "../tables/row-sizes.ts";
import { RowsWriter, type WriterTools } from "./rows-writer.ts";

// Statements for this many tables stay prepared, at about 100 kB per table. If more tables change repeatedly, each
// batch prepares all of them again and takes twice as long.
const writersMax = 1000;

/** An estimate. */
const smallRowBytes = 100;

interface RowWritersParts {
  readonly tools: WriterTools;
  readonly physical: PhysicalTables;
  /** Adds a large part to the physical table of a relation. */
  readonly addLargePart: (relation: TableDefinition) => Promise<void>;
  /** Lets the view of a relation, if there is one, read the signs of zeros. */
  readonly showMinusZeros: (relation: TableDefinition) => Promise<void>;
  readonly turns: HugeRows;
}

/** Writes rows to any tables, in the transactions of one session. */
export class RowWriters {
  readonly #parts: RowWritersParts;
  /** Ordered by last use, the most recent last. */
  readonly #writers = new Map<string, RowsWriter>();
  readonly #written = new Written();
  #isOpen = false;
  #hugeTurn: Disposable | undefined;

  constructor(parts: RowWritersParts) {
    this.#parts = parts;
  }

  /** Whether a transaction is open. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether the transaction contains huge rows, so that other transactions with such rows wait for its end. */
  get hasHugeRows(): boolean {
    return this.#hugeTurn !== undefined;
  }

  /** Begins a transaction, if there is disk space for one. */
  async begin(): Promise<void> {
    const { tools, physical } = this.#parts;
    await tools.requireSpace();
    await tools.session.runKept("BEGIN");
    this.#isOpen = true;
    physical.begin();
  }

  /** Ends the transaction. If it throws, call `rollback`. */
  async commit(): Promise<void> {
    try {
      await this.#parts.tools.session.runKept("COMMIT");
    } catch (error) {
      throw writeFailure(error, this.#written.largest());
    }
    this.#ended();
  }

  /** Undoes the transaction, if one is open. */
  async rollback(): Promise<void> {
    if (!this.#isOpen) return;
    const { tools, physical } = this.#parts;
    this.#isOpen = false;
    physical.rollback();
    // A failed commit has already ended the transaction.
    await tools.session.run("ROLLBACK").catch(() => {});
    tools.session.forgetStatements();
    this.release();
  }

  /** Writes to a physical table. Throws the error that `writeFailure` returns. */
  async write(step: RowsStep, table: string): Promise<void> {
    const { tools, physical, addLargePart, showMinusZeros, turns } = this.#parts;
    if (step.deletes.length + step.patches.length > 0) physical.noteChanges(table);
    const sorted = sortStep(step, tools.sizes);
    if (sorted.largestBytes > turns.hugeBytes) this.#hugeTurn ??= await turns.take();
    if (sorted.largestBytes > 0 && physical.largePart(table) === undefined) {
      await this.forget();
      await addLargePart(step.relation);
    }
    this.#written.add(step, sorted.inserts);
    const writer = await this.#writer(step, table);
    try {
      await writer.apply(step, sorted);
    } catch (error) {
      throw writeFailure(error, step.relation);
    }
    if (writer.takeMinusZero() && !physical.showsMinusZeros(table)) await showMinusZeros(step.relation);
  }

  /** Statements that were prepared before a schema change would be bound again at every execution. */
  async forget(): Promise<void> {
    for (const writer of this.#writers.values()) await writer.close();
    this.#writers.clear();
  }

  /** Releases without contacting DuckDB, for a session that is closed. */
  release(): void {
    for (const writer of this.#writers.values()) writer.release();
    this.#writers.clear();
    this.#ended();
  }

  #ended(): void {
    this.#isOpen = false;
    this.#written.clear();
    this.#hugeTurn?.[Symbol.dispose]();
    this.#hugeTurn = undefined;
  }

  async #writer({ relation }: RowsStep, table: string): Promise<RowsWriter> {
    const { tools, physical } = this.#parts;
    let writer = this.#writers.get(relation.id);
    this.#writers.delete(relation.id);
    const rows = physical.sql(table);
    const large = physical.largePart(table);
    if (writer?.relation !== relation || writer.parts.rows !== rows || writer.parts.large !== large) {
      await writer?.close();
      writer = new RowsWriter(tools, relation, { rows, large });
    }
    this.#writers.set(relation.id, writer);
    const [oldest] = this.#writers;
    if (this.#writers.size > writersMax && oldest !== undefined) {
      this.#writers.delete(oldest[0]);
      await oldest[1].close();
    }
    return writer;
  }
}

/** Allows one transaction at a time to write rows that are too large for two of them to fit in memory. */
export class HugeRows {
  readonly hugeBytes: number;
  #last: Promise<void> = Promise.resolve();

  constructor(hugeBytes: number) {
    this.hugeBytes = hugeBytes;
  }

  /** Waits for the caller's turn, which ends when the result is disposed of. */
  async take(): Promise<Disposable> {
    const before = this.#last;
    const turn = deferred();
    this.#last = turn.promise;
    await before;
    return { [Symbol.dispose]: turn.resolve };
  }
}

/** Approximately how much a transaction has written to each table. */
class Written {
  readonly #tables = new Map<string, { table: TableDefinition; bytes: number }>();

  clear(): void {
    this.#tables.clear();
  }

  add({ relation, changes }: RowsStep, { large }: SortedRows): void {
    const before = this.#tables.get(relation.id)?.bytes ?? 0;
    const bytes = large.reduce((sum, tuple) => sum + tuple.bytes, before + changes * smallRowBytes);
    this.#tables.set(relation.id, { table: relation, bytes });
  }

  /** The table that most probably caused a commit to fail. */
  largest(): TableDefinition | undefined {
    const [first] = [...this.#tables.values()].toSorted((a, b) => b.bytes - a.bytes);
    return first?.table;
  }
}
