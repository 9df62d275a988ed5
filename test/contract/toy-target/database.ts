import { present } from "../../../src/base/assert.ts";
import { CodedError } from "../../../src/base/errors.ts";
import type { Delta, DeltaStep } from "../../../src/model/replication/delta.ts";
import { RowDigests } from "../../../src/model/replication/digest.ts";
import type { Progress, TableRecord } from "../../../src/model/replication/table-state.ts";
import type { DatabaseView, DestinationDatabase, TableMeasure } from "../../../src/target/target.ts";
import { digestField } from "../../support/canonical-text.ts";
import type { State, Table, Tables } from "./state.ts";
import { applied } from "./steps.ts";
import type { ToyWarehouse } from "./warehouse.ts";

type Apply = DestinationDatabase["apply"];

/** The destination database of one stream. */
export class ToyDatabase implements DestinationDatabase {
  readonly name: string;
  readonly #warehouse: ToyWarehouse;
  readonly #epoch: number;
  /** Tables that the open transactions have changed. */
  readonly #open = new Map<"stream" | "copies", Tables>();
  readonly #measures = new WeakMap<Tables, readonly TableMeasure[]>();
  #closed = false;

  constructor(name: string, warehouse: ToyWarehouse, epoch: number) {
    this.name = name;
    this.#warehouse = warehouse;
    this.#epoch = epoch;
  }

  progress(): Progress {
    const { checkpoint, copies, tables } = this.#state;
    return { checkpoint, copies, tables: Object.values(tables).map(recordOf) };
  }

  readonly apply: Apply = (delta, signal) => this.#apply("stream", delta, signal);
  readonly applyCopies: Apply = (delta, signal) => this.#apply("copies", delta, signal);

  failTable(...[relation, reason]: Parameters<DestinationDatabase["failTable"]>): Promise<void> {
    const failed: DeltaStep = { kind: "event", event: { kind: "failed", relation, reason } };
    return this.#alone(() => this.#commit(applied(this.#state.tables, failed)));
  }

  async tables(): Promise<readonly TableMeasure[]> {
    const { tables } = this.#state;
    const measures = Object.values(tables).map((table): TableMeasure => {
      const rows = table.rows ?? table.shown?.rows ?? [];
      return { record: recordOf(table), rows: rows.length, isEstimate: false };
    });
    if (!this.#measures.has(tables)) this.#measures.set(tables, measures);
    return Promise.resolve(this.#measures.get(tables) ?? []);
  }

  /** States never change, so that holding one is a view. */
  async view(): Promise<DatabaseView> {
    const { checkpoint, tables } = this.#state;
    return Promise.resolve({
      checkpoint,
      digest: async ({ id }, signal) => {
        signal.throwIfAborted();
        const shown = tables[id]?.shown;
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
    await this.#warehouse.queue.idle();
  }

  get #state(): State {
    return present(this.#warehouse.states.get(this.name), "an open database exists");
  }

  #apply(of: "stream" | "copies", { steps, checkpoint }: Delta, signal: AbortSignal): Promise<void> {
    return this.#alone(async () => {
      const committed = this.#state.tables;
      const before = { ...committed, ...this.#open.get(of) };
      // An error leaves nothing of the transaction.
      this.#open.delete(of);
      signal.throwIfAborted();
      const after = Object.entries(steps.reduce<Tables>(applied, before));
      const changed = Object.fromEntries(after.filter(([id, table]) => table !== committed[id]));
      if (checkpoint === undefined) this.#open.set(of, changed);
      else await this.#commit(changed, { [of === "stream" ? "checkpoint" : "copies"]: checkpoint.position });
    });
  }

  /** What was left goes when the first table is revealed. */
  async #commit(changed: Tables, position: Partial<State> = {}): Promise<void> {
    const { tables: before, left: all, ...state } = this.#state;
    const left = Object.values(changed).some(({ shown }) => shown !== undefined) ? [] : all;
    // Unless something has changed, the object stays the same.
    const tables = Object.keys(changed).length === 0 ? before : { ...before, ...changed };
    await this.#warehouse.save(this.name, { ...state, ...position, tables, left });
  }

  #alone(work: () => Promise<void>): Promise<void> {
    return this.#warehouse.queue.run(async () => {
      if (this.#closed) throw new CodedError("TARGET_FAILED", "The destination database has been closed.");
      if (this.#state.epoch !== this.#epoch)
        throw new CodedError("TARGET_FENCED", `Database "${this.name}" has been opened by another writer.`);
      await work();
    });
  }
}

function recordOf({ definition, phase, updatedAtMs, shown }: Table): TableRecord {
  return { definition, phase, updatedAtMs, visible: shown !== undefined };
}
