import { createHash } from "node:crypto";
import { fieldBytesMax, shortField } from "../../src/model/replication/digest.ts";
import type { LogicalKind } from "../../src/model/replication/logical-type.ts";
import { vectorRowsMax, type Vector } from "../../src/model/replication/vector.ts";

/** Where one value stands. */
interface Place {
  readonly vector: Vector;
  readonly view: DataView;
  readonly row: number;
  readonly at: number;
}

/** The canonical text of model/digest.ts for one value of a vector; null for NULL. Plain and slow, for tests. */
export function canonicalText(vector: Vector, row: number): string | null {
  if (row >= vectorRowsMax || vector.valid[row] === 0) return null;
  return texts[vector.type.kind]({ vector, view: vector.view, row, at: row * vector.width });
}

/** The field of a canonical text in its row, as model/digest.ts says; null for NULL. */
export function digestField(kind: LogicalKind, text: string | null): string | null {
  if (text === null || Buffer.byteLength(text) <= fieldBytesMax)
    return text === null ? null : shortField(text);
  const hashed = Buffer.from(text, kind === "bytes" ? "hex" : "utf8");
  return `${Buffer.byteLength(text)}:${createHash("md5").update(hashed).digest("hex")}`;
}

const int64Text = ({ view, at }: Place) => String(view.getBigInt64(at, true));
const instantText = ({ view, at }: Place) => infiniteOr(view.getBigInt64(at, true), 2n ** 63n - 1n);
const arenaText = ({ vector, row }: Place) => arenaBytes(vector, row).toString("utf8");

const texts: Record<LogicalKind, (place: Place) => string> = {
  boolean: ({ view, at }) => (view.getUint8(at) === 1 ? "t" : "f"),
  int16: ({ view, at }) => String(view.getInt16(at, true)),
  int32: ({ view, at }) => String(view.getInt32(at, true)),
  int64: int64Text,
  uint32: ({ view, at }) => String(view.getUint32(at, true)),
  float32: ({ view, at }) => numberText(view.getFloat32(at, true)),
  float64: ({ view, at }) => numberText(view.getFloat64(at, true)),
  decimal: ({ vector: { type, width }, view, at }) =>
    decimalText(signedAt(view, at, width), type.kind === "decimal" ? type.scale : 0),
  text: arenaText,
  json: arenaText,
  bytes: ({ vector, row }) => arenaBytes(vector, row).toString("hex"),
  uuid: ({ view, at }) => uuidText(signedAt(view, at, 16)),
  date: ({ view, at }) => infiniteOr(BigInt(view.getInt32(at, true)), 2n ** 31n - 1n),
  time: int64Text,
  timetz: ({ view, at }) => timetzText(view.getBigInt64(at, true)),
  timestamp: instantText,
  timestamptz: instantText,
  interval: ({ view, at }) =>
    `${view.getInt32(at, true)}/${view.getInt32(at + 4, true)}/${view.getBigInt64(at + 8, true)}`,
};

function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function arenaBytes(vector: Vector, row: number): Buffer {
  const start = vector.starts[row] ?? 0;
  const { buffer, byteOffset } = vector.arena;
  return Buffer.from(buffer, byteOffset + start, vector.lengths[row]);
}

function signedAt(view: DataView, at: number, width: number): bigint {
  let value = 0n;
  for (let byte = width - 1; byte >= 0; byte -= 1) value = (value << 8n) | BigInt(view.getUint8(at + byte));
  return BigInt.asIntN(width * 8, value);
}

function decimalText(value: bigint, scale: number): string {
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  const sign = value < 0n ? "-" : "";
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function uuidText(value: bigint): string {
  const hex = BigInt.asUintN(128, value ^ (1n << 127n))
    .toString(16)
    .padStart(32, "0");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function infiniteOr(value: bigint, infinity: bigint): string {
  if (value === infinity) return "infinity";
  return value === -infinity ? "-infinity" : String(value);
}

function timetzText(value: bigint): string {
  return `${value >> 24n}/${57_599n - (value & 0xff_ffffn)}`;
}
