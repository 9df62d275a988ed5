/**
 * What `verify` compares: how many rows a table has, and a hash of their contents in which the order of rows does
 * not matter. Source and target each compute it from their own reading of the values, written in one canonical text:
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
 * A row is its fields in column order, each `-` for NULL or `<bytes>:<text>`; its hash is the first 8 bytes of the
 * MD5 of that. A table's hash is the sum of its rows' hashes modulo 2^64, as 16 hexadecimal digits.
 */
export interface TableDigest {
  readonly rows: number;
  readonly hash: string;
}
