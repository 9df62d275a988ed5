import type { Cursor } from "../cursor.ts";
import { float32Text } from "../types/float-text.ts";
import type { Render } from "./render.ts";
import { putJsonString } from "./json.ts";
import type { TextWriter } from "./text-writer.ts";

/* Types of well-known extensions as their output functions write them. */

/** hstore as its cast to json writes it: int32 pairs, each int32 length and key, int32 length (−1: NULL) and value. */
export const renderHstoreJson: Render = (from, out) => {
  out.byte(0x7b);
  const count = from.int32();
  for (let index = 0; index < count; index += 1) {
    if (index > 0) out.ascii(", ");
    putPart(from, from.int32(), out);
    out.ascii(": ");
    const length = from.int32();
    if (length < 0) out.ascii("null");
    else putPart(from, length, out);
  }
  out.byte(0x7d);
};

function putPart(from: Cursor, length: number, out: TextWriter): void {
  const start = from.skip(length);
  putJsonString(out, () => out.copy(from.bytes, start, start + length));
}

/** vector of pgvector: uint16 dimensions, two unused bytes, float4 each. */
export const renderVector: Render = (from, out) => {
  putVector(from, out, () => float32Text(from.float32()));
};

/** halfvec of pgvector: like vector, with IEEE half floats. */
export const renderHalfvec: Render = (from, out) => {
  putVector(from, out, () => float32Text(halfFloat(from.uint16())));
};

function putVector(from: Cursor, out: TextWriter, next: () => string): void {
  const dimensions = from.uint16();
  from.skip(2);
  out.byte(0x5b);
  for (let index = 0; index < dimensions; index += 1) {
    if (index > 0) out.byte(0x2c);
    out.ascii(next());
  }
  out.byte(0x5d);
}

function halfFloat(bits: number): number {
  const sign = bits >> 15 === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** sparsevec of pgvector: int32 dimensions, entries, unused; the indices from 0, then the values as float4. */
export const renderSparsevec: Render = (from, out) => {
  const dimensions = from.int32();
  const count = from.int32();
  from.skip(4);
  const indices = Array.from({ length: count }, () => from.int32());
  const entries = indices.map((index) => `${index + 1}:${float32Text(from.float32())}`);
  out.ascii(`{${entries.join(",")}}/${dimensions}`);
};
