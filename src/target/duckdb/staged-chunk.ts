import duckdb from "@duckdb/node-bindings";
import { present } from "../../base/assert.ts";
import { vectorRowsMax, type Vector } from "../../model/vector.ts";
import { Arena, inlineBytesMax, StringHeaders, type Strings } from "./string-headers.ts";

// Bytes that may be copied to the heap for one byte that is needed, before gathering the needed ones is cheaper.
const wasteMax = 8;

/** Where the rows of a vector go, and where in memory the tuples stand that they were decoded from. */
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
 * Writes vectors into DuckDB's data chunks: fixed-width values by one copy a column; strings by one copy of the bytes
 * that hold them and one of their headers, or, where this build of DuckDB keeps strings in another way than we know,
 * by one call a string. Strings stay valid until the chunk after the next begins, which is longer than DuckDB needs:
 * it asks for a chunk when it has done with the one before.
 */
export class ChunkWriter {
  readonly #knownHeaders: boolean;
  readonly #headers = new StringHeaders();
  readonly #nulls: NullMask[] = [];
  #arena = new Arena();
  #arenaBefore = new Arena();
  #chunk: duckdb.DataChunk | undefined;
  /** Bytes of the current region that stand on the heap already. */
  #placed: { readonly region: Uint8Array; low: number; high: number; address: number } | undefined;

  constructor(knownHeaders: boolean) {
    this.#knownHeaders = knownHeaders;
  }

  begin(chunk: duckdb.DataChunk): void {
    [this.#arena, this.#arenaBefore] = [this.#arenaBefore, this.#arena];
    this.#arena.clear();
    this.#placed = undefined;
    this.#chunk = chunk;
    for (const mask of this.#nulls) mask.clear();
  }

  write(column: number, vector: Vector, rows: RowsAt): void {
    const chunk = present(this.#chunk, "a chunk has begun");
    const target = duckdb.data_chunk_get_vector(chunk, column);
    const { at, count } = rows;
    (this.#nulls[column] ??= new NullMask()).note(vector.valid, at, count);
    if (vector.width > 0) {
      const { buffer, byteOffset } = vector.data;
      const { width } = vector;
      duckdb.copy_data_to_vector(target, at * width, buffer as ArrayBuffer, byteOffset, count * width);
    } else if (this.#knownHeaders) this.#writeStrings(target, vector, rows);
    else writeEach(target, vector, rows);
  }

  end(count: number): void {
    const chunk = present(this.#chunk, "a chunk has begun");
    duckdb.data_chunk_set_size(chunk, count);
    for (const [column, mask] of this.#nulls.entries())
      if (mask.any) mask.copyTo(duckdb.data_chunk_get_vector(chunk, column));
    this.#chunk = undefined;
  }

  #writeStrings(target: duckdb.Vector, vector: Vector, rows: RowsAt): void {
    const { at, count } = rows;
    const strings = {
      bytes: vector.arena,
      starts: vector.starts,
      lengths: vector.lengths,
      valid: vector.valid,
      count,
    };
    const long = longOf(strings);
    if (long.bytes === 0) this.#headers.write(strings, 0);
    else {
      const address = this.#addressOf(strings, long, rows);
      if (address !== undefined) this.#headers.write(strings, address);
      else {
        const gathered = gather(strings, long);
        this.#headers.write(gathered, this.#arena.place(gathered.bytes));
      }
    }
    this.#headers.copyTo(target, at, count);
  }

  /** The address of byte 0 of the strings' memory, as if all of it were on the heap; undefined where copying is waste. */
  #addressOf({ bytes }: Strings, long: LongStrings, rows: RowsAt): number | undefined {
    const placed = this.#placed;
    if (placed?.region === bytes && placed.low <= long.low && placed.high >= long.high) return placed.address;
    // Other columns of these rows will need the tuples too, if they are close together.
    const inRegion = bytes === rows.region && rows.high - rows.low <= long.bytes * wasteMax;
    const { low, high } = inRegion ? rows : long;
    if (high - low > long.bytes * wasteMax) return undefined;
    const address = this.#arena.place(bytes.subarray(low, high)) - low;
    this.#placed = { region: bytes, low, high, address };
    return address;
  }
}

interface LongStrings {
  /** All strings that need the heap lie between these; `bytes` is how many bytes they have. */
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

/** The same strings side by side, where they are scattered. */
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

function writeEach(target: duckdb.Vector, vector: Vector, { at, count }: RowsAt): void {
  for (let row = 0; row < count; row++) {
    if (vector.valid[row] !== 1) continue;
    const start = vector.starts[row] ?? 0;
    const text = vector.arena.subarray(start, start + (vector.lengths[row] ?? 0));
    duckdb.vector_assign_string_element_len(target, at + row, text);
  }
}

/** Which rows of one column are NULL: DuckDB keeps a bit a row, 1 for a value. */
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
