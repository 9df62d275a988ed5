import type { DuckDBDataChunk } from "@duckdb/node-api";
import { assert, present } from "../../base/assert.ts";
import { TableError } from "../../model/table-error.ts";
import { ValueError, type Column, type Relation } from "../../model/relation.ts";
import type { LogicalType } from "../../model/logical-type.ts";
import { Fields, type TupleRun } from "../../model/tuple.ts";
import { Vector, vectorRowsMax } from "../../model/vector.ts";
import type { ChunkWriter, RowsAt } from "./chunk-writer.ts";

// Values of one chunk: what is decoded between two turns of the event loop takes some milliseconds.
const chunkValuesMax = 32_768;

/** Some columns of tuples. Parts that are read together have the same number of tuples. */
export interface TuplePart {
  readonly runs: readonly TupleRun[];
  /** Indexes of the relation's columns. */
  readonly columns: readonly number[];
}

/** What decoding needs in memory. Used by one chunk at a time, from the first row to the last without a pause. */
export class Scratch {
  readonly #vectors = new Map<string, Vector>();
  #fields = new Fields(16);
  #columns = 16;

  fields(columns: number): Fields {
    if (columns > this.#columns) {
      this.#columns = columns * 2;
      this.#fields = new Fields(this.#columns);
    }
    return this.#fields;
  }

  vector(type: LogicalType): Vector {
    const name = type.kind === "decimal" ? `decimal(${type.precision},${type.scale})` : type.kind;
    const vector = this.#vectors.get(name) ?? new Vector(type);
    this.#vectors.set(name, vector);
    return vector;
  }
}

/** Reads tuples from their regions into chunks, column by column: those of the first part, then those of the next. */
export class TupleFeed {
  readonly #relation: Relation;
  readonly #parts: readonly PartCursor[];
  readonly #tools: { readonly scratch: Scratch; readonly writer: ChunkWriter };
  readonly #rowsMax: number;

  constructor(
    relation: Relation,
    parts: readonly TuplePart[],
    tools: { readonly scratch: Scratch; readonly writer: ChunkWriter },
  ) {
    this.#relation = relation;
    this.#parts = parts.map((part) => new PartCursor(part, relation));
    this.#tools = tools;
    const columns = parts.reduce((sum, part) => sum + part.columns.length, 0);
    this.#rowsMax = Math.min(vectorRowsMax, Math.max(64, Math.floor(chunkValuesMax / Math.max(1, columns))));
  }

  /** Gives the number of rows, 0 at the end. Throws `TableError` for a value that the column cannot hold. */
  fill(chunk: DuckDBDataChunk): number {
    const { writer } = this.#tools;
    writer.begin(chunk.chunk);
    let at = 0;
    while (at < this.#rowsMax) {
      const left = Math.min(...this.#parts.map((part) => part.left()));
      const count = Math.min(left, this.#rowsMax - at);
      if (count === 0) {
        assert(
          this.#parts.every((part) => part.left() === 0),
          "parts that are read together have the same number of tuples",
        );
        break;
      }
      let column = 0;
      for (const part of this.#parts) column = this.#write(part, column, { at, count });
      at += count;
    }
    writer.end(at);
    return at;
  }

  #write(part: PartCursor, firstColumn: number, { at, count }: { at: number; count: number }): number {
    const { scratch, writer } = this.#tools;
    const fields = scratch.fields(part.located);
    const rows = part.locate(at, count, fields);
    for (const [index, { column, position }] of part.columns.entries()) {
      const vector = scratch.vector(column.type);
      try {
        column.decode(fields, { first: position * vectorRowsMax, count }, vector);
      } catch (error) {
        throw this.#failed(column, error);
      }
      writer.write(firstColumn + index, vector, rows);
    }
    return firstColumn + part.columns.length;
  }

  #failed(column: Column, error: unknown): unknown {
    if (!(error instanceof ValueError)) return error;
    const message = `Column ${JSON.stringify(column.name)}: ${error.message}`;
    return new TableError({ code: "VALUE_OUT_OF_RANGE", table: this.#relation, message, cause: error });
  }
}

/** How far the tuples of one part have been read. */
class PartCursor {
  readonly columns: readonly { readonly column: Column; readonly position: number }[];
  /** Fields to locate: up to the last column that is wanted. */
  readonly located: number;
  readonly #runs: readonly TupleRun[];
  #run = 0;
  #next = 0;

  constructor({ runs, columns }: TuplePart, relation: Relation) {
    this.#runs = runs.filter((run) => run.offsets.length > 0);
    this.columns = columns.map((position) => {
      const column = present(relation.columns[position], "a part names columns of its relation");
      return { column, position };
    });
    this.located = columns.reduce((most, position) => Math.max(most, position + 1), 0);
  }

  /** Tuples left in the current run, 0 at the end. */
  left(): number {
    const run = this.#runs[this.#run];
    return run === undefined ? 0 : run.offsets.length - this.#next;
  }

  /** Locates the fields of the next `count` tuples, all of the current run, and steps over them. */
  locate(at: number, count: number, fields: Fields): RowsAt {
    const { layout, region, offsets } = present(this.#runs[this.#run], "there is a tuple left");
    layout.locate({ region, offsets, first: this.#next, count }, this.located, fields);
    let first = offsets[this.#next] ?? 0;
    let last = first;
    for (let index = this.#next + 1; index < this.#next + count; index++) {
      const offset = offsets[index] ?? 0;
      if (offset < first) first = offset;
      if (offset > last) last = offset;
    }
    this.#next += count;
    if (this.#next === offsets.length) {
      this.#run += 1;
      this.#next = 0;
    }
    return { at, count, region, low: first, high: layout.end(region, last) };
  }
}
