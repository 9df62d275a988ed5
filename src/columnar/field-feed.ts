import type { DuckDBDataChunk } from "@duckdb/node-api";
import type { Column, Relation } from "../model/replication/relation.ts";
import { Fields } from "../model/replication/tuple.ts";
import type { StagedChunk } from "./staged-chunk.ts";
import { decode, type FeedTools } from "./tuple-feed.ts";

/** Supplies a single row: the value of one field that is not part of a tuple. */
export class FieldFeed implements Disposable {
  readonly #tools: FeedTools;
  readonly #staged: StagedChunk;
  #isFed = false;

  /** `field`: the bytes of a value. Throws `TableError` for a value that the column cannot hold. */
  constructor(
    tools: FeedTools,
    of: { readonly relation: Relation; readonly column: Column },
    field: Uint8Array,
  ) {
    this.#tools = tools;
    const fields = new Fields(1);
    fields.region = field;
    fields.lengths[0] = field.length;
    const vector = tools.scratch.vector(of.column.type);
    decode(of, fields, { first: 0, count: 1 }, vector);
    this.#staged = tools.stage();
    this.#staged.begin(1, 1);
    this.#staged.write(0, vector, { at: 0, count: 1, region: field, low: 0, high: field.length });
  }

  /** Returns the number of rows, 0 at the end. */
  fill(chunk: DuckDBDataChunk): number {
    if (this.#isFed) return 0;
    this.#isFed = true;
    return this.#staged.deliver(chunk.chunk);
  }

  /** Call it when the statement has ended: frees the value. */
  [Symbol.dispose](): void {
    this.#staged.clear();
    this.#tools.scratch.clear();
  }
}
