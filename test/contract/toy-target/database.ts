import { CodedError } from "../../../src/base/errors.ts";
import { present } from "../../../src/base/assert.ts";
import type { TableFailureReason } from "../../../src/model/replication/block.ts";
import type { Delta, DeltaStep } from "../../../src/model/replication/delta.ts";
import { RowDigests } from "../../../src/model/replication/digest.ts";
import type { TableDefinition } from "../../../src/model/replication/relation.ts";
import type { Progress, TableRecord } from "../../../src/model/replication/table-state.ts";
import type { DatabaseView, DestinationDatabase, TableMeasure } from "../../../src/target/target.ts";
import { digestField } from "../../support/canonical-text.ts";
import type { State, Table } from "./state.ts";
import type { StoredDatabase } from "./stored-database.ts";
import { Transaction } from "./transaction.ts";

/** The destination database of one stream, whose state is in memory and in files. */
export class ToyDatabase implements DestinationDatabase {
  readonly name: string;
  readonly #stored: StoredDatabase;
  readonly #epoch: number;
  #stream: Transaction;
  #copies: Transaction;
  #measured: readonly TableMeasure[] | undefined;
  #closed = false;

  constructor(stored: StoredDatabase, epoch: number) {
    this.name = stored.name;
    this.#stored = stored;
    this.#epoch = epoch;
    this.#stream = this.#begin();
    this.#copies = this.#begin();
  }

  progress(): Progress {
    const { checkpoint, copies, tables } = this.#committed();
    return { checkpoint, copies, tables: [...tables.values()].map(recordOf) };
  }

  apply(delta: Delta, signal: AbortSignal): Promise<void> {
    return this.#alone(async () => {
      try {
        signal.throwIfAborted();
        for (const step of delta.steps) this.#stream.apply(step);
        if (delta.checkpoint === undefined) return;
        await this.#commit(this.#stream, { checkpoint: delta.checkpoint.position });
        this.#stream = this.#begin();
      } catch (error) {
        this.#stream = this.#begin();
        throw error;
      }
    });
  }

  applyCopies(delta: Delta, signal: AbortSignal): Promise<void> {
    return this.#alone(async () => {
      try {
        signal.throwIfAborted();
        for (const step of delta.steps) this.#copies.apply(step);
        if (delta.checkpoint === undefined) return;
        await this.#commit(this.#copies, { copies: delta.checkpoint.position });
        this.#copies = this.#begin();
      } catch (error) {
        this.#copies = this.#begin();
        throw error;
      }
    });
  }

  failTable(table: TableDefinition, reason: TableFailureReason): Promise<void> {
    return this.#alone(async () => {
      const failure = this.#begin();
      const step: DeltaStep = { kind: "event", event: { kind: "failed", relation: table, reason } };
      failure.apply(step);
      await this.#commit(failure);
    });
  }

  async tables(): Promise<readonly TableMeasure[]> {
    this.#measured ??= [...this.#committed().tables.values()].map((table) => ({
      record: recordOf(table),
      rows: (table.rows ?? table.shown?.rows ?? []).length,
      isEstimate: false,
    }));
    return Promise.resolve(this.#measured);
  }

  /** States never change, so that holding one is a view. */
  async view(): Promise<DatabaseView> {
    const { checkpoint, tables } = this.#committed();
    return Promise.resolve({
      checkpoint,
      digest: async ({ id }, signal) => {
        signal.throwIfAborted();
        const shown = tables.get(id)?.shown;
        if (shown === undefined) throw new CodedError("TABLE_MISSING", "Readers do not see the table.");
        const digests = new RowDigests();
        for (const row of shown.rows)
          digests.add(row.map((text, index) => digestField(shown.columns[index]?.type.kind ?? "text", text)));
        return Promise.resolve(digests.result());
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#stored.queue.idle();
  }

  #committed(): State {
    return present(this.#stored.state, "an open database has been created");
  }

  #begin(): Transaction {
    return new Transaction(() => this.#committed());
  }

  async #commit(transaction: Transaction, position?: Partial<State>): Promise<void> {
    const { hasChanges } = transaction;
    await this.#stored.save({ ...transaction.result(), ...position });
    if (hasChanges) this.#measured = undefined;
  }

  #alone(work: () => Promise<void>): Promise<void> {
    return this.#stored.queue.run(async () => {
      if (this.#closed) throw new CodedError("TARGET_FAILED", "The destination database has been closed.");
      if (this.#committed().epoch !== this.#epoch)
        throw new CodedError("TARGET_FENCED", `Database "${this.name}" has been opened by another writer.`);
      await work();
    });
  }
}

function recordOf({ definition, phase, updatedAtMs, shown }: Table): TableRecord {
  return { definition, phase, updatedAtMs, visible: shown !== undefined };
}
