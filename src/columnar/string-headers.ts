import duckdb from "@duckdb/node-bindings";
import { BLOB } from "@duckdb/node-api";

/**
 * DuckDB's 16 bytes for a string (duckdb/common/types/string_type.hpp): its length as uint32, then up to 12 bytes of
 * the string itself; for a longer string, its first 4 bytes and a pointer to the whole string.
 */
export const headerBytes = 16;
export const inlineBytesMax = 12;

/** Bytes on DuckDB's heap at a known address, so that headers can point into them. */
export class Arena {
  readonly #chunk = duckdb.create_data_chunk([BLOB.toLogicalType().logical_type]);

  /** Copies more than `inlineBytesMax` bytes to the heap, where they stay until `clear`; returns their address. */
  place(bytes: Uint8Array): number {
    const vector = duckdb.data_chunk_get_vector(this.#chunk, 0);
    duckdb.vector_assign_string_element_len(vector, 0, bytes);
    return addressIn(duckdb.vector_get_data(vector, headerBytes), 0);
  }

  clear(): void {
    duckdb.data_chunk_reset(this.#chunk);
  }
}

/** The pointer of the header at `offset`. An address has 47 or 48 bits, so a number represents it exactly. */
function addressIn(headers: Uint8Array, offset: number): number {
  const view = new DataView(headers.buffer, headers.byteOffset + offset, headerBytes);
  return view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32;
}

/** Strings of one column, one per row. */
export interface Strings {
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  /** 1 if there is a value. */
  readonly valid: Uint8Array;
  readonly count: number;
}

/** Memory for headers, starting at byte `at`, a multiple of 4. */
export interface HeaderSpace {
  readonly bytes: Uint8Array;
  /** The same memory as `bytes`. */
  readonly words: Uint32Array;
  readonly at: number;
}

/** `address`: where byte 0 of `strings.bytes` would be on the heap; ignored for short strings. */
export function writeHeaders(space: HeaderSpace, strings: Strings, address: number): void {
  const { bytes, starts, lengths, valid, count } = strings;
  const { words, bytes: out } = space;
  for (let row = 0, at = space.at >> 2; row < count; row++, at += 4) {
    const length = valid[row] === 1 ? (lengths[row] ?? 0) : 0;
    const start = starts[row] ?? 0;
    words[at] = length;
    if (length > inlineBytesMax) {
      words[at + 1] =
        (bytes[start] ?? 0) |
        ((bytes[start + 1] ?? 0) << 8) |
        ((bytes[start + 2] ?? 0) << 16) |
        ((bytes[start + 3] ?? 0) << 24);
      words[at + 2] = address + start;
      words[at + 3] = (address + start) / 2 ** 32;
    } else {
      words[at + 1] = 0;
      words[at + 2] = 0;
      words[at + 3] = 0;
      const to = at * 4 + 4;
      for (let index = 0; index < length; index++) out[to + index] = bytes[start + index] ?? 0;
    }
  }
}

/**
 * Whether this build of DuckDB stores strings as described above: compares headers that DuckDB creates with ours, for
 * every length around the limit. No pointer of ours is dereferenced.
 */
export function headersAreAsExpected(): boolean {
  const chunk = duckdb.create_data_chunk([BLOB.toLogicalType().logical_type]);
  const vector = duckdb.data_chunk_get_vector(chunk, 0);
  const bytes = Uint8Array.from({ length: 64 }, (_, index) => 200 + (index % 50));
  const words = new Uint32Array(headerBytes / 4);
  const ours = { words, bytes: new Uint8Array(words.buffer), at: 0 };
  for (let length = 0; length < bytes.length; length++) {
    duckdb.vector_assign_string_element_len(vector, 0, bytes.subarray(0, length));
    const theirs = duckdb.vector_get_data(vector, headerBytes);
    const address = length > inlineBytesMax ? addressIn(theirs, 0) : 0;
    if (address > 2 ** 48) return false;
    writeHeaders(
      ours,
      { bytes, starts: Int32Array.of(0), lengths: Int32Array.of(length), valid: Uint8Array.of(1), count: 1 },
      address,
    );
    if (!theirs.every((byte, index) => byte === ours.bytes[index])) return false;
  }
  return true;
}
