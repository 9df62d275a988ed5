import duckdb from "@duckdb/node-bindings";
import { assert } from "../base/assert.ts";
import { vectorRowsMax, type Vector } from "../model/replication/vector.ts";
import { Arena, headerBytes, inlineBytesMax, writeHeaders, type Strings } from "./string-headers.ts";

// If more bytes per needed byte would be copied to the heap, gathering the needed bytes first is cheaper.
const wasteMax = 8;
/** The maximum width of a value, and the width of a string header. */
const widthMax = headerBytes;

/** The destination of a vector's rows in the chunk, and the location in memory of the tuples they were decoded from. */
export interface RowsAt {
  /** First row in the chunk. */
  readonly at: number;
  readonly count: number;
  readonly region: Uint8Array;
  /** All tuples lie within these bytes of the region. */
  readonly low: number;
  readonly high: number;
}

/**
 * Rows in the layout of DuckDB's data chunks, prepared before DuckDB requests them, so that delivery is one copy per
 * column. Strings are stored as headers, whose bytes are already on DuckDB's heap; if this build of DuckDB does not
 * store strings as we expect, each string is delivered by a separate call.
 */
export class StagedChunk {
  readonly #knownHeaders: boolean;
  readonly #arena = new Arena();
  readonly #nulls: NullMask[] = [];
  /** Bytes per value in each column; 0 if `#texts` has the values. */
  #widths: number[] = [];
  /** By column and row. */
  #texts: Uint8Array[][] = [];
  /** Column after column. */
  #bytes = new Uint8Array(0);
  #words = new Uint32Array(0);
  #columnBytes = 0;
  #rows = 0;
  /** Bytes of the current region that are already on the heap. */
  #placed: { readonly region: Uint8Array; low: number; high: number; address: number } | undefined;

  constructor(knownHeaders: boolean) {
    this.#knownHeaders = knownHeaders;
  }

  /** Starts over, as `clear` does. */
  begin(columns: number, rowsMax: number): void {
    assert(rowsMax <= vectorRowsMax, "a chunk has no more rows than a vector");
    this.#columnBytes = rowsMax * widthMax;
    if (this.#bytes.length < columns * this.#columnBytes) {
      this.#bytes = new Uint8Array(columns * this.#columnBytes);
      this.#words = new Uint32Array(this.#bytes.buffer);
    }
    this.clear();
  }

  /** Drops all values. DuckDB must have finished with what was delivered from here. */
  clear(): void {
    this.#widths = [];
    this.#texts = [];
    this.#rows = 0;
    this.#placed = undefined;
    this.#arena.clear();
    for (const mask of this.#nulls) mask.clear();
  }

  write(column: number, vector: Vector, rows: RowsAt): void {
    const { at, count } = rows;
    const { width, data } = vector;
    (this.#nulls[column] ??= new NullMask()).note(vector.valid, at, count);
    this.#rows = at + count;
    this.#widths[column] = width;
    if (width > 0) this.#bytes.set(data.subarray(0, count * width), column * this.#columnBytes + at * width);
    else if (this.#knownHeaders) this.#writeStrings(column, vector, rows);
    else this.#keepTexts(column, vector, rows);
  }

  /** Delivers the rows to DuckDB; returns their number. */
  deliver(chunk: duckdb.DataChunk): number {
    const rows = this.#rows;
    duckdb.data_chunk_set_size(chunk, rows);
    for (const [column, width] of this.#widths.entries()) {
      const vector = duckdb.data_chunk_get_vector(chunk, column);
      const from = column * this.#columnBytes;
      if (width > 0) duckdb.copy_data_to_vector(vector, 0, this.#bytes.buffer, from, rows * width);
      else
        for (const [row, text] of this.#texts[column]?.entries() ?? [])
          duckdb.vector_assign_string_element_len(vector, row, text);
      const mask = this.#nulls[column];
      if (mask?.any === true) mask.copyTo(vector);
    }
    return rows;
  }

  #writeStrings(column: number, vector: Vector, rows: RowsAt): void {
    const { at, count } = rows;
    const { starts, lengths, valid } = vector;
    const space = {
      bytes: this.#bytes,
      words: this.#words,
      at: column * this.#columnBytes + at * headerBytes,
    };
    this.#widths[column] = headerBytes;
    const strings = { bytes: vector.arena, starts, lengths, valid, count };
    const long = longOf(strings);
    const address = long.bytes === 0 ? 0 : this.#addressOf(strings, long, rows);
    if (address !== undefined) writeHeaders(space, strings, address);
    else {
      const gathered = gather(strings, long);
      writeHeaders(space, gathered, this.#arena.place(gathered.bytes));
    }
  }

  #keepTexts(column: number, { arena, starts, lengths }: Vector, { at, count }: RowsAt): void {
    const texts = (this.#texts[column] ??= []);
    for (let row = 0; row < count; row++) {
      const start = starts[row] ?? 0;
      texts[at + row] = arena.slice(start, start + (lengths[row] ?? 0));
    }
  }

  /**
   * The address of byte 0 of the strings' memory, as if all of it were on the heap; undefined if copying is wasteful.
   */
  #addressOf({ bytes }: Strings, long: LongStrings, rows: RowsAt): number | undefined {
    const placed = this.#placed;
    if (placed?.region === bytes && placed.low <= long.low && placed.high >= long.high) return placed.address;
    // Other columns of these rows will need the tuples too, provided that they are close together.
    const inRegion = bytes === rows.region && rows.high - rows.low <= long.bytes * wasteMax;
    const { low, high } = inRegion ? rows : long;
    if (high - low > long.bytes * wasteMax) return undefined;
    const address = this.#arena.place(bytes.subarray(low, high)) - low;
    this.#placed = { region: bytes, low, high, address };
    return address;
  }
}

interface LongStrings {
  /** All strings that need the heap lie between these offsets; `bytes` is their total size. */
  readonly low: number;
  readonly high: number;
  readonly bytes: number;
}

function longOf({ starts, lengths, valid, count }: Strings): LongStrings {
  let low = Number.MAX_SAFE_INTEGER;
  let high = 0;
  let bytes = 0;
  for (let row = 0; row < count; row++) {
    const length = lengths[row] ?? 0;
    if (length <= inlineBytesMax || valid[row] !== 1) continue;
    const start = starts[row] ?? 0;
    if (start < low) low = start;
    if (start + length > high) high = start + length;
    bytes += length;
  }
  return { low, high, bytes };
}

/** The same strings stored contiguously, for strings that are scattered. */
function gather({ bytes, starts, lengths, valid, count }: Strings, long: LongStrings): Strings {
  const gathered = new Uint8Array(long.bytes + count * inlineBytesMax);
  const newStarts = new Int32Array(count);
  let at = 0;
  for (let row = 0; row < count; row++) {
    newStarts[row] = at;
    if (valid[row] !== 1) continue;
    const start = starts[row] ?? 0;
    const end = start + (lengths[row] ?? 0);
    gathered.set(bytes.subarray(start, end), at);
    at += end - start;
  }
  return { bytes: gathered, starts: newStarts, lengths, valid, count };
}

/** Which rows of one column are NULL: DuckDB keeps one bit per row, 1 for a value. */
class NullMask {
  any = false;
  readonly #bits = new Uint8Array(vectorRowsMax / 8).fill(0xff);

  note(valid: Uint8Array, at: number, count: number): void {
    for (let row = 0; row < count; row++) {
      if (valid[row] === 1) continue;
      const bit = at + row;
      this.#bits[bit >> 3] = (this.#bits[bit >> 3] ?? 0) & ~(1 << (bit & 7));
      this.any = true;
    }
  }

  clear(): void {
    if (this.any) this.#bits.fill(0xff);
    this.any = false;
  }

  copyTo(vector: duckdb.Vector): void {
    duckdb.vector_ensure_validity_writable(vector);
    duckdb.copy_data_to_vector_validity(vector, 0, this.#bits.buffer, 0, this.#bits.byteLength);
  }
}
