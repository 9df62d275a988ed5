import { float32Text, float64Text } from "./pg-float-text.ts";
import { numericInfinity, numericMinusInfinity, numericNaN, numericNegative } from "./pg-decimal.ts";
import type { Render } from "./pg-render.ts";
import type { TextWriter } from "./pg-text-writer.ts";

/* Numbers as PostgreSQL's output functions write them. */

export const renderBoolean: Render = (from, out) => out.byte(from.uint8() === 0 ? 0x66 : 0x74);

export const renderInt2: Render = (from, out) => out.ascii(String(from.int16()));

export const renderInt4: Render = (from, out) => out.ascii(String(from.int32()));

export const renderUint4: Render = (from, out) => out.ascii(String(from.uint32()));

export const renderInt8: Render = (from, out) => out.ascii(String(from.int64()));

export const renderUint8: Render = (from, out) => out.ascii(String(BigInt.asUintN(64, from.int64())));

export const renderFloat4: Render = (from, out) => out.ascii(float32Text(from.float32()));

export const renderFloat8: Render = (from, out) => out.ascii(float64Text(from.float64()));

const specials: Readonly<Record<number, string>> = {
  [numericNaN]: "NaN",
  [numericInfinity]: "Infinity",
  [numericMinusInfinity]: "-Infinity",
};

/** numeric_out: all digits before the point, and exactly the display scale behind it. */
export const renderNumeric: Render = (from, out) => {
  const count = from.uint16();
  const weight = from.int16();
  const sign = from.uint16();
  const scale = from.uint16();
  const special = specials[sign];
  if (special !== undefined) {
    out.ascii(special);
    return;
  }
  if (sign === numericNegative) out.byte(minus);
  // Group i stands for 10,000^(weight − i); groups that were not sent are zeros.
  const digits: number[] = [];
  for (let index = 0; index < count; index += 1) digits.push(from.uint16());
  if (weight < 0) out.byte(zero);
  else out.ascii(String(digits[0] ?? 0));
  for (let group = 1; group <= weight; group += 1) out.padded(digits[group] ?? 0, 4);
  if (scale > 0) fraction({ digits, weight, scale }, out);
};

function fraction(
  value: { readonly digits: readonly number[]; readonly weight: number; readonly scale: number },
  out: TextWriter,
): void {
  const { digits, weight, scale } = value;
  out.byte(point);
  const from = out.length;
  for (let group = weight + 1; out.length < from + scale; group += 1) out.padded(digits[group] ?? 0, 4);
  out.length = from + scale;
}

const minus = 0x2d;
const point = 0x2e;
const zero = 0x30;
