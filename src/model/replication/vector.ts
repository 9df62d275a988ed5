import { assert } from "../../base/assert.ts";
import type { LogicalKind, LogicalType } from "./logical-type.ts";

/** Maximum rows of one vector: the size of a DuckDB data chunk, and small enough for the processor's cache. */
export const vectorRowsMax = 2048;

/**
 * Values of one column, decoded once, in the layout that columnar warehouses keep in memory (little endian):
 *
 * | logical type | bytes per value | layout |
 * |---|---|---|
 * | boolean | 1 | 0 or 1 |
 * | int16, int32, int64, uint32, float32, float64 | 2, 4, 8, 4, 4, 8 | |
 * | decimal | 2, 4, 8, 16 for precision ≤ 4, 9, 18, 38 | two's complement of value × 10^scale |
 * | uuid | 16 | 128-bit two's complement of the number with its highest bit flipped (keeps the order) |
 * | date | 4 | days since 1970-01-01; ±(2^31 − 1) is ±infinity |
 * | time | 8 | microseconds since midnight, 24:00:00 included |
 * | timetz | 8 | microseconds << 24 \| (57,599 − seconds east of UTC) |
 * | timestamp, timestamptz | 8 | microseconds since 1970-01-01 (UTC); ±(2^63 − 1) is ±infinity |
 * | interval | 16 | int32 months, int32 days, int64 microseconds |
 * | text, json, bytes | – | `starts` and `lengths` into `arena` |
 */
export class Vector {
  readonly type: LogicalType;
  /** Bytes per value of a fixed-width type, 0 for text, json and bytes. */
  readonly width: number;
  /** Fixed-width values; empty for text, json and bytes. `vectorRowsMax * width` bytes. */
  readonly data: Uint8Array;
  /** The same memory as `data`. */
  readonly words: Int32Array;
  readonly view: DataView;
  /** 1 for a value, 0 for NULL. The entries of the other arrays have no meaning for a NULL. */
  readonly valid: Uint8Array;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  /** Where the bytes of text, json and bytes are: the network region itself, or what a decoder wrote. */
  arena: Uint8Array;

  constructor(type: LogicalType) {
    this.type = type;
    this.width = widthOf(type);
    const buffer = new ArrayBuffer(this.width * vectorRowsMax);
    this.data = new Uint8Array(buffer);
    this.words = new Int32Array(buffer, 0, buffer.byteLength >> 2);
    this.view = new DataView(buffer);
    this.valid = new Uint8Array(vectorRowsMax);
    const rows = this.width === 0 ? vectorRowsMax : 0;
    this.starts = new Int32Array(rows);
    this.lengths = new Int32Array(rows);
    this.arena = noBytes;
  }
}

const noBytes = new Uint8Array(0);

const widths: Record<Exclude<LogicalKind, "decimal">, number> = {
  boolean: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint32: 4,
  float32: 4,
  float64: 8,
  text: 0,
  json: 0,
  bytes: 0,
  uuid: 16,
  date: 4,
  time: 8,
  timetz: 8,
  timestamp: 8,
  timestamptz: 8,
  interval: 16,
};

/** Bytes per value, 0 for the types whose values are in an arena. */
export function widthOf(type: LogicalType): number {
  return type.kind === "decimal" ? decimalWidth(type.precision) : widths[type.kind];
}

function decimalWidth(precision: number): number {
  assert(precision >= 1 && precision <= 38, "a decimal has 1 to 38 digits");
  if (precision <= 4) return 2;
  if (precision <= 9) return 4;
  return precision <= 18 ? 8 : 16;
}
