import { assert } from "../../../base/assert.ts";
import { SerialQueue } from "../../../base/serial-queue.ts";
import { tableOf, type Delta, type RowsStep } from "../../../model/replication/delta.ts";
import type { TableDefinition } from "../../../model/replication/relation.ts";
import { writeFailure } from "../instance/duck-errors.ts";
import type { Position } from "../../../model/replication/position.ts";
import { allCopies, type StoredCopies, type Ledger } from "../tables/ledger.ts";
import type { PhysicalTables } from "../tables/physical-tables.ts";
import type { WriterTools } from "./rows-writer.ts";
import { RowWriters, type HugeRows } from "./row-writers.ts";

export interface CopyWriterParts {
  /** Of a session that only this writer uses. */
  readonly tools: WriterTools;
  readonly physical: PhysicalTables;
  /** Of the same session. */
  readonly ledger: Ledger;
  readonly turns: HugeRows;
  /** The physical table that receives a table's copy, as of the last commit of the stream. */
  readonly rowsOf: (table: TableDefinition) => string | undefined;
  /** A transaction that wrote these physical tables has been committed, with the state of copies that it changed. */
  readonly onCommitted: (tables: ReadonlySet<string>, copies: StoredCopies) => void;
}

/**
 * Writes the rows of tables that readers do not see yet, in separate transactions, while another session applies the
 * stream. Nothing refers to these rows before the stream's session takes the tables over.
 */
export class CopyWriter {
  readonly #parts: CopyWriterParts;
  readonly #writers: RowWriters;
  readonly #queue = new SerialQueue();
  /** Physical tables that the open transaction sees, or that the next one will see. */
  readonly #visible = new Set<string>();
  /** Physical tables written in the open transaction. */
  #written = new Set<string>();
  /** Progress in the open transaction, by physical table. */
  #progress = new Map<string, string>();

  constructor(parts: CopyWriterParts) {
    this.#parts = parts;
    const { tools, physical, turns } = parts;
    const addLargePart = (relation: TableDefinition): Promise<void> =>
      physical.addLargePart(this.#rowsOf(relation), relation.columns);
    // Its tables have no views: each gets one when it is revealed.
    const showMinusZeros = (): Promise<void> => Promise.resolve();
    this.#writers = new RowWriters({ tools, physical, addLargePart, showMinusZeros, turns });
  }

  /** See `DestinationDatabase.applyCopies`. */
  apply(delta: Delta): Promise<void> {
    return this.#queue.run(async () => {
      try {
        await this.#begin(delta);
        for (const step of delta.steps) {
          if (step.kind === "rows") await this.#rows(step);
          else if (step.event.kind === "truncated") await this.#truncate(step.event.relation);
          else if (step.event.kind === "copied-part")
            this.#progress.set(this.#rowsOf(step.event.relation), step.event.progress);
          else assert(false, `copies have no event ${step.event.kind}`);
        }
        if (delta.checkpoint !== undefined || this.#writers.hasHugeRows)
          await this.#commit(delta.checkpoint?.position);
      } catch (error) {
        await this.#writers.rollback();
        this.#written.clear();
        this.#progress.clear();
        throw writeFailure(error);
      }
    });
  }

  /** Undoes what has not been committed. */
  async close(): Promise<void> {
    await this.#queue.idle();
    this.#writers.release();
    this.#parts.tools.session.close();
  }

  #rowsOf(relation: TableDefinition): string {
    const rows = this.#parts.rowsOf(relation);
    assert(rows !== undefined, "rows of a copy belong to a table that is being copied");
    return rows;
  }

  async #rows(step: RowsStep): Promise<void> {
    const table = this.#rowsOf(step.relation);
    this.#written.add(table);
    await this.#writers.write(step, table);
  }

  async #truncate(relation: TableDefinition): Promise<void> {
    const table = this.#rowsOf(relation);
    this.#written.add(table);
    await this.#writers.forget();
    await this.#parts.physical.empty(table);
  }

  /** A transaction does not see tables that were created after it began: for these, a new transaction begins. */
  async #begin({ steps }: Delta): Promise<void> {
    const tables = steps.map((step) => this.#rowsOf(tableOf(step)));
    if (tables.some((table) => !this.#visible.has(table))) await this.#commit(undefined);
    if (this.#writers.isOpen) return;
    for (const table of tables) this.#visible.add(table);
    await this.#writers.begin();
  }

  /** Without a position, the copies cannot be resumed from what is committed, until a later commit has one. */
  async #commit(position: Position | undefined): Promise<void> {
    if (!this.#writers.isOpen) return;
    const { ledger, onCommitted } = this.#parts;
    for (const [table, progress] of this.#progress) await ledger.writeCopy(table, progress);
    await ledger.writeCopy(allCopies, position);
    await this.#writers.commit();
    onCommitted(this.#written, { position, progress: this.#progress });
    this.#written = new Set();
    this.#progress = new Map();
  }
}
