import type { DuckDBDataChunk } from "@duckdb/node-api";
import { assert, present } from "../base/assert.ts";
import { TableError } from "../model/replication/table-error.ts";
import { ValueError, type Column, type DecodeColumn, type Relation } from "../model/replication/relation.ts";
import type { LogicalType } from "../model/replication/logical-type.ts";
import { Fields, type TupleRun } from "../model/replication/tuple.ts";
import { Vector, vectorRowsMax } from "../model/replication/vector.ts";
import { StagedChunk, type RowsAt } from "./staged-chunk.ts";

// Values of one chunk: decoding between two turns of the event loop takes a few milliseconds.
const chunkValuesMax = 32_768;

/** Some columns of tuples. Parts that are read together have the same number of tuples. */
export interface TuplePart {
  readonly runs: readonly TupleRun[];
  /** Indexes of the relation's columns. */
  readonly columns: readonly number[];
}

const noBytes = new Uint8Array(0);

/** Memory for decoding. One chunk at a time uses it, from the first row to the last without interruption. */
export class Scratch {
  readonly #vectors = new Map<string, Vector>();
  #fields = new Fields(16);
  #columns = 16;

  /** Drops the references to regions. */
  clear(): void {
    this.#fields.region = noBytes;
    for (const vector of this.#vectors.values()) vector.arena = noBytes;
  }

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

// Chunks prepared before DuckDB requests them, while it stores rows and occasionally compresses many of them.
const chunksAheadMax = 8;

/** Shared by the feeds of one session: one feed runs at a time. */
export class FeedTools {
  readonly scratch: Scratch;
  readonly #stages: readonly StagedChunk[];
  #next = 0;

  /** Other sessions may share `scratch`. */
  constructor(scratch: Scratch, knownHeaders: boolean) {
    this.scratch = scratch;
    // Two more than are prepared ahead: the one that DuckDB is processing and, as a safety margin, the previous one.
    this.#stages = Array.from({ length: chunksAheadMax + 2 }, () => new StagedChunk(knownHeaders));
  }

  /** Stages are reused in rotation: one is free again when DuckDB has requested two more chunks. */
  stage(): StagedChunk {
    this.#next = (this.#next + 1) % this.#stages.length;
    return present(this.#stages[this.#next], "there are stages");
  }
}

/** A chunk that waits for DuckDB, or the error that prevented it. */
type Staged = { readonly chunk: StagedChunk } | { readonly failure: unknown };

/**
 * Reads tuples from their regions into chunks, column by column: those of the first part, then those of the next. While
 * DuckDB works on one chunk, the next ones are prepared between other turns of the event loop.
 */
export class TupleFeed implements Disposable {
  readonly #relation: Relation;
  readonly #parts: readonly PartCursor[];
  readonly #tools: FeedTools;
  readonly #columns: number;
  readonly #rowsMax: number;
  readonly #ahead: Staged[] = [];
  readonly #used = new Set<StagedChunk>();
  #preparation: NodeJS.Immediate | undefined;
  #hasMinusZero = false;

  constructor(relation: Relation, parts: readonly TuplePart[], tools: FeedTools) {
    this.#relation = relation;
    this.#parts = parts.map((part) => new PartCursor(part, relation));
    this.#tools = tools;
    this.#columns = parts.reduce((sum, part) => sum + part.columns.length, 0);
    this.#rowsMax = Math.min(
      vectorRowsMax,
      Math.max(64, Math.floor(chunkValuesMax / Math.max(1, this.#columns))),
    );
  }

  /** Whether a value that was read so far is the -0 of a float, of which DuckDB's files lose the sign. */
  get hasMinusZero(): boolean {
    return this.#hasMinusZero;
  }

  /** Returns the number of rows, 0 at the end. Throws `TableError` for a value that the column cannot hold. */
  fill(chunk: DuckDBDataChunk): number {
    const staged = this.#ahead.shift() ?? this.#stage();
    if (staged === undefined) return 0;
    if ("failure" in staged) throw staged.failure;
    this.#prepare();
    return staged.chunk.deliver(chunk.chunk);
  }

  /** Call it when the statement has ended: stops preparing chunks and frees large values. */
  [Symbol.dispose](): void {
    clearImmediate(this.#preparation);
    for (const chunk of this.#used) chunk.clear();
    this.#tools.scratch.clear();
  }

  #prepare(): void {
    clearImmediate(this.#preparation);
    if (this.#ahead.length >= chunksAheadMax || this.#left() === 0) return;
    this.#preparation = setImmediate(() => {
      const staged = this.#stage();
      if (staged === undefined) return;
      this.#ahead.push(staged);
      if (!("failure" in staged)) this.#prepare();
    });
  }

  /** Undefined at the end. */
  #stage(): Staged | undefined {
    if (this.#left() === 0) return undefined;
    const chunk = this.#tools.stage();
    this.#used.add(chunk);
    chunk.begin(this.#columns, this.#rowsMax);
    try {
      let at = 0;
      for (let count = this.#next(at); count > 0; count = this.#next(at)) {
        let column = 0;
        for (const part of this.#parts) column = this.#write(chunk, part, { column, at, count });
        at += count;
      }
      return { chunk };
    } catch (failure) {
      return { failure };
    }
  }

  /** How many rows can be read at once after `at` rows. */
  #next(at: number): number {
    return Math.min(this.#left(), this.#rowsMax - at);
  }

  /** Tuples left in the current runs of the parts, 0 at the end. */
  #left(): number {
    const left = this.#parts.map((part) => part.left());
    assert(
      left.every((count) => count > 0 === left.some((other) => other > 0)),
      "parts that are read together have the same number of tuples",
    );
    return Math.min(...left);
  }

  #write(
    chunk: StagedChunk,
    part: PartCursor,
    { column: first, at, count }: { column: number; at: number; count: number },
  ): number {
    const { scratch } = this.#tools;
    const fields = scratch.fields(part.located);
    const rows = part.locate(at, count, fields);
    for (const [index, { column, position }] of part.columns.entries()) {
      const vector = scratch.vector(column.type);
      const span = { first: position * vectorRowsMax, count };
      decode({ relation: this.#relation, column }, fields, span, vector);
      this.#hasMinusZero ||= hasMinusZero(vector, count);
      chunk.write(first + index, vector, rows);
    }
    return first + part.columns.length;
  }
}

/** As `column.decode` does, but throws a `TableError` for a value that the column cannot hold. */
export function decode(
  { relation, column }: { readonly relation: Relation; readonly column: Column },
  ...values: Parameters<DecodeColumn>
): void {
  try {
    column.decode(...values);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    const message = `Column ${JSON.stringify(column.name)}: ${error.message}`;
    throw new TableError({ code: "VALUE_OUT_OF_RANGE", table: relation, message, cause: error });
  }
}

function hasMinusZero({ type: { kind }, words, valid }: Vector, count: number): boolean {
  const signWord = -(2 ** 31);
  if (kind === "float32") {
    for (let row = 0; row < count; row++) if (words[row] === signWord && valid[row] === 1) return true;
  } else if (kind === "float64") {
    for (let row = 0; row < count; row++)
      if (words[row * 2 + 1] === signWord && words[row * 2] === 0 && valid[row] === 1) return true;
  }
  return false;
}

/** How far the tuples of one part have been read. */
class PartCursor {
  readonly columns: readonly { readonly column: Column; readonly position: number }[];
  /** Number of fields to locate: up to the last column that is needed. */
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

  /** Locates the fields of the next `count` tuples, all of the current run, and advances past them. */
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
