import { uint16At } from "../bytes.ts";
import { float32Text, float64Text } from "../types/float-text.ts";
import { numericInfinity, numericMinusInfinity, numericNaN, numericNegative } from "../types/decimal.ts";
import type { Render } from "./render.ts";
import type { TextWriter } from "./text-writer.ts";

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

/** numeric_out: all digits before the point, and exactly the display scale after it. */
export const renderNumeric: Render = (from, out) => {
  const count = from.uint16();
  const weight = from.int16();
  const sign = from.uint16();
  const scale = from.uint16();
  const digitsAt = from.skip(2 * count);
  const special = specials[sign];
  if (special !== undefined) {
    out.ascii(special);
    return;
  }
  out.reserve(4 * Math.max(weight + 2, 1) + scale + 8);
  if (sign === numericNegative) out.byte(minus);
  if (weight < 0) out.byte(zero);
  // Group i represents 10,000^(weight − i); groups that were not sent are zeros.
  const groupOf = (group: number): number =>
    group >= 0 && group < count ? uint16At(from.bytes, digitsAt + 2 * group) : 0;
  const start = out.length;
  for (let group = 0; group <= weight; group += 1) putGroup(groupOf(group), out);
  if (weight >= 0) dropLeadingZeros(start, out);
  if (scale === 0) return;
  out.byte(point);
  const end = out.length + scale;
  for (let group = weight + 1; out.length < end; group += 1) putGroup(groupOf(group), out);
  out.length = end;
};

/** Four digits; space must be reserved. */
function putGroup(group: number, out: TextWriter): void {
  const { bytes, length } = out;
  bytes[length] = zero + Math.floor(group / 1000);
  bytes[length + 1] = zero + (Math.floor(group / 100) % 10);
  bytes[length + 2] = zero + (Math.floor(group / 10) % 10);
  bytes[length + 3] = zero + (group % 10);
  out.length += 4;
}

/** From the first group, all but the last digit. */
function dropLeadingZeros(start: number, out: TextWriter): void {
  let zeros = 0;
  while (zeros < 3 && out.bytes[start + zeros] === zero) zeros += 1;
  if (zeros === 0) return;
  out.bytes.copyWithin(start, start + zeros, out.length);
  out.length -= zeros;
}

const minus = 0x2d;
const point = 0x2e;
const zero = 0x30;
