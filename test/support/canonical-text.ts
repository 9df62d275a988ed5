import { vectorRowsMax, type Vector } from "../../src/model/vector.ts";

/** The canonical text of model/digest.ts for one value of a vector; null for NULL. Plain and slow, for tests. */
export function canonicalText(vector: Vector, row: number): string | null {
  if (row >= vectorRowsMax || vector.valid[row] === 0) return null;
  const { type, view, width } = vector;
  const at = row * width;
  switch (type.kind) {
    case "boolean":
      return view.getUint8(at) === 1 ? "t" : "f";
    case "int16":
      return String(view.getInt16(at, true));
    case "int32":
      return String(view.getInt32(at, true));
    case "int64":
      return String(view.getBigInt64(at, true));
    case "uint32":
      return String(view.getUint32(at, true));
    case "float32":
      return numberText(view.getFloat32(at, true));
    case "float64":
      return numberText(view.getFloat64(at, true));
    case "decimal":
      return decimalText(signedAt(view, at, width), type.scale);
    case "text":
    case "json":
      return arenaBytes(vector, row).toString("utf8");
    case "bytes":
      return arenaBytes(vector, row).toString("hex");
    case "uuid":
      return uuidText(signedAt(view, at, 16));
    case "date":
      return infiniteOr(BigInt(view.getInt32(at, true)), 2n ** 31n - 1n);
    case "time":
      return String(view.getBigInt64(at, true));
    case "timetz":
      return timetzText(view.getBigInt64(at, true));
    case "timestamp":
    case "timestamptz":
      return infiniteOr(view.getBigInt64(at, true), 2n ** 63n - 1n);
    case "interval":
      return `${view.getInt32(at, true)}/${view.getInt32(at + 4, true)}/${view.getBigInt64(at + 8, true)}`;
  }
}

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
