import type { DuckDBDataChunk } from "@duckdb/node-api";
import { CodedError } from "../../../base/errors.ts";

export type TextRow = (string | null)[];

// Values that are converted to JavaScript strings, and then written, between two turns of the event loop: this takes a
// few milliseconds.
const sliceValuesMax = 4096;
const sliceCharactersMax = 262_144;
const rowCharactersMax = 33_554_432;

/** Returns the rows of a chunk, all of whose columns are text, in slices. */
export class ChunkRows {
  readonly #columns: readonly { readonly getItem: (row: number) => unknown }[];
  readonly #rows: number;
  #at = 0;

  constructor(chunk: DuckDBDataChunk) {
    this.#rows = chunk.rowCount;
    this.#columns = Array.from({ length: chunk.columnCount }, (_, index) => chunk.getColumnVector(index));
  }

  /** Undefined at the end. */
  next(): TextRow[] | undefined {
    if (this.#at >= this.#rows) return undefined;
    const rows: TextRow[] = [];
    const rowsMax = Math.max(1, Math.floor(sliceValuesMax / this.#columns.length));
    for (let characters = 0; characters < sliceCharactersMax && rows.length < rowsMax; this.#at++) {
      if (this.#at >= this.#rows) break;
      const row = this.#row(this.#at);
      characters += row.characters;
      rows.push(row.values);
    }
    return rows;
  }

  #row(at: number): { readonly values: TextRow; readonly characters: number } {
    const values: TextRow = [];
    let characters = 0;
    for (const column of this.#columns) {
      const text = column.getItem(at) as string | null;
      characters += text?.length ?? 0;
      if (characters > rowCharactersMax)
        throw new CodedError("QUERY_FAILED", `A row has more than ${rowCharactersMax} characters.`);
      values.push(text);
    }
    return { values, characters };
  }
}
