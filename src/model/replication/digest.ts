import { hash } from "node:crypto";
import type { TableFailureReason } from "./block.ts";

/**
 * What `verify` compares: the number of rows of a table, and a hash of their contents that does not depend on row
 * order. Source and target each compute it from their own reading of the values, written in one canonical text:
 *
 * | logical type | canonical text |
 * |---|---|
 * | boolean | `t` or `f` |
 * | int16, int32, int64, uint32 | decimal digits |
 * | float32, float64 | what JavaScript prints for the number (`NaN`, `Infinity`, `-0` for minus zero) |
 * | decimal | digits with exactly `scale` decimals |
 * | text, json | itself |
 * | bytes | lower-case hexadecimal |
 * | uuid | lower case with hyphens |
 * | date | days since 1970-01-01, or `infinity`, `-infinity` |
 * | time | microseconds since midnight |
 * | timetz | microseconds since midnight (local), `/`, seconds east of UTC |
 * | timestamp, timestamptz | microseconds since 1970-01-01 UTC, or `infinity`, `-infinity` |
 * | interval | months `/` days `/` microseconds |
 *
 * A row is its fields in column order, each `-` for NULL or `<bytes>:<text>`, where `<bytes>` is the length of the
 * canonical text. If a text is longer than `fieldBytesMax`, the field contains its MD5 instead; for bytes, the MD5 of
 * the bytes themselves. Neither side ever holds several copies of a large value, nor does the source send it. A row's
 * hash is the first 8 bytes of the MD5 of that (big endian). A table's hash is the sum of its rows' hashes modulo 2^64,
 * as 16 hexadecimal digits.
 */
export interface TableDigest {
  readonly rows: number;
  readonly hash: string;
}

/** Longer canonical texts are represented in a row by their MD5. */
export const fieldBytesMax = 1_000;

/** The field for a canonical text that is not longer than `fieldBytesMax`. */
export function shortField(text: string): string {
  return `${Buffer.byteLength(text)}:${text}`;
}

/** Computes the digest of a table, row by row in any order. */
export class RowDigests {
  #rows = 0;
  // Two halves instead of a BigInt: a row allocates nothing but its text.
  #high = 0;
  #low = 0;

  /** One row: its fields in column order, null for NULL. */
  add(fields: readonly (string | null)[]): void {
    let row = "";
    for (const field of fields) row += field ?? "-";
    const digest = hash("md5", row, "buffer");
    const low = this.#low + digest.readUInt32BE(4);
    this.#low = low >>> 0;
    this.#high = (this.#high + digest.readUInt32BE(0) + (low > 0xffff_ffff ? 1 : 0)) >>> 0;
    this.#rows += 1;
  }

  result(): TableDigest {
    const hex = (half: number): string => half.toString(16).padStart(8, "0");
    return { rows: this.#rows, hash: hex(this.#high) + hex(this.#low) };
  }
}

/** The result of reading a table to compare it. */
export type TableReading =
  | { readonly kind: "read"; readonly digest: TableDigest }
  | { readonly kind: "unreadable"; readonly reason: TableFailureReason };
