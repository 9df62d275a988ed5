import { assert } from "../../../base/assert.ts";
import type { Relation } from "../../../model/replication/relation.ts";
import type { TupleRun } from "../../../model/replication/tuple.ts";

/** Keys of tuples as strings: equal keys have equal strings. For the few rows that we compare ourselves. */
export class KeyTexts {
  readonly #columns: readonly number[];
  readonly #starts: Int32Array;
  readonly #lengths: Int32Array;

  constructor({ identity }: Relation) {
    assert(identity.kind === "key", "the table has a key");
    this.#columns = identity.columns.toSorted((a, b) => a - b);
    this.#starts = new Int32Array(this.#columns.length);
    this.#lengths = new Int32Array(this.#columns.length);
  }

  of(runs: readonly TupleRun[]): string[] {
    return runs.flatMap((run) => Array.from(run.offsets, (offset) => this.#text(run, offset)));
  }

  /** The run without the tuples that have one of these keys. */
  without(run: TupleRun, keys: ReadonlySet<string>): TupleRun {
    return { ...run, offsets: run.offsets.filter((offset) => !keys.has(this.#text(run, offset))) };
  }

  #text({ layout, region }: TupleRun, offset: number): string {
    layout.locateFew({ region, offset, columns: this.#columns }, this.#starts, this.#lengths);
    const bytes = Buffer.from(region.buffer, region.byteOffset, region.byteLength);
    let text = "";
    for (let index = 0; index < this.#columns.length; index++) {
      const start = this.#starts[index] ?? 0;
      const length = this.#lengths[index] ?? 0;
      text += `${length}:${bytes.toString("latin1", start, start + Math.max(0, length))}`;
    }
    return text;
  }
}
