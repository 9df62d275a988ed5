import { ValueError } from "../../../model/replication/relation.ts";
import { WireError } from "../bytes.ts";
import type { Cursor } from "../cursor.ts";
import { putJsonString } from "./json.ts";
import type { Render } from "./render.ts";
import { escapesFrom, type Escapes, type TextWriter } from "./text-writer.ts";

/*
 * Arrays, composites, ranges and multiranges as their output functions write them, and arrays and composites also as
 * to_json does.
 */

/** How the values of a type are written on their own and inside JSON. */
export interface Renders {
  readonly text: Render;
  readonly json: Render;
}

const comma = 0x2c;
const quote = 0x22;
const backslash = 0x5c;
const braceOpen = 0x7b;
const braceClose = 0x7d;
const bracketOpen = 0x5b;
const bracketClose = 0x5d;
const parenthesisOpen = 0x28;
const parenthesisClose = 0x29;
const spaces = [0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d];

/** int32 dimensions, int32 whether there are NULLs, int32 element type; int32 size and lower bound of each dimension. */
interface ArrayShape {
  readonly sizes: readonly number[];
  readonly lowerBounds: readonly number[];
}

function readShape(from: Cursor): ArrayShape {
  const dimensions = from.int32();
  from.skip(8);
  const sizes: number[] = [];
  const lowerBounds: number[] = [];
  let elements = 1;
  for (let dimension = 0; dimension < dimensions; dimension += 1) {
    sizes.push(from.int32());
    lowerBounds.push(from.int32());
    elements *= sizes[dimension] ?? 0;
  }
  // Only the single dimension of an empty oidvector is 0.
  const isPlausible = elements > 0 ? elements * 4 <= from.left : elements === 0 && dimensions === 1;
  if (dimensions > 0 && !isPlausible) throw new WireError("an array has other dimensions than elements");
  return { sizes, lowerBounds };
}

/** How elements are combined. */
interface ArrayStyle {
  readonly open: number;
  readonly separator: number;
  readonly close: number;
  readonly element: (from: Cursor, out: TextWriter) => void;
}

function putElements(
  from: Cursor,
  sizes: readonly number[],
  put: { style: ArrayStyle; out: TextWriter },
): void {
  const { style, out } = put;
  const [size = 0, ...inner] = sizes;
  out.byte(style.open);
  for (let index = 0; index < size; index += 1) {
    if (index > 0) out.byte(style.separator);
    if (inner.length > 0) putElements(from, inner, put);
    else style.element(from, out);
  }
  out.byte(style.close);
}

/** int32 length (−1: NULL) and bytes. */
function putPart(from: Cursor, render: Render, out: TextWriter): boolean {
  const length = from.int32();
  if (length < 0) return false;
  const outer = from.enter(length);
  render(from, out);
  from.leave(outer);
  return true;
}

/** array_out: bounds if they do not start at 1, elements in quotes if necessary. */
export function arrayText(element: Renders, delimiter: string): Render {
  const separator = delimiter.charCodeAt(0);
  const quoting = quotingOf([quote, backslash, braceOpen, braceClose, separator, ...spaces], backslashed);
  const style: ArrayStyle = {
    open: braceOpen,
    separator,
    close: braceClose,
    element(from, out) {
      const start = out.length;
      if (!putPart(from, element.text, out)) out.ascii("NULL");
      else if (isNullWord(out, start)) quoteSince(out, start, quoting);
      else quoteWhereNeeded(out, start, quoting);
    },
  };
  return (from, out) => {
    const { sizes, lowerBounds } = readShape(from);
    if (lowerBounds.some((bound) => bound !== 1)) {
      for (const [dimension, bound] of lowerBounds.entries())
        out.ascii(`[${bound}:${bound + (sizes[dimension] ?? 0) - 1}]`);
      out.ascii("=");
    }
    putElements(from, sizes, { style, out });
  };
}

function jsonStyle(element: Renders): ArrayStyle {
  return {
    open: bracketOpen,
    separator: comma,
    close: bracketClose,
    element(from, out) {
      if (!putPart(from, element.json, out)) out.ascii("null");
    },
  };
}

/**
 * A whole column of arrays: like to_json, or, if a dimension does not begin at 1, a JSON string of the array's text.
 */
export function arrayColumnJson(element: Renders, delimiter: string): Render {
  const style = jsonStyle(element);
  const text = arrayText(element, delimiter);
  return (from, out) => {
    const start = from.at;
    const { sizes, lowerBounds } = readShape(from);
    if (lowerBounds.every((bound) => bound === 1)) {
      putElements(from, sizes, { style, out });
      return;
    }
    from.at = start;
    putJsonString(out, () => text(from, out));
  };
}

/** An array inside another value, like to_json, which loses the lower bounds of dimensions. */
export function arrayJson(element: Renders): Render {
  const style = jsonStyle(element);
  return (from, out) => {
    const { sizes, lowerBounds } = readShape(from);
    if (lowerBounds.some((bound) => bound !== 1))
      throw new ValueError("an array inside a composite value begins at another index than 1");
    putElements(from, sizes, { style, out });
  };
}

/** int2vector and oidvector: arrays whose single dimension always begins at 0. */
export function fixedVector(element: Renders): Renders {
  const style = jsonStyle(element);
  const plain: ArrayStyle = {
    open: 0x20,
    separator: 0x20,
    close: 0x20,
    element: (from, out) => {
      putPart(from, element.text, out);
    },
  };
  return {
    json: (from, out) => putElements(from, readShape(from).sizes, { style, out }),
    text: (from, out) => {
      const start = out.length;
      putElements(from, readShape(from).sizes, { style: plain, out });
      out.length -= 1;
      out.bytes.copyWithin(start, start + 1, out.length);
      out.length -= 1;
    },
  };
}

export interface NamedRenders extends Renders {
  readonly name: string;
  readonly oid: number;
}

/** record_send: int32 columns; for each, int32 type, int32 length (−1: NULL) and bytes. */
export function composite(typeName: string, fields: readonly NamedRenders[]): Renders {
  const begin = (from: Cursor): void => {
    if (from.int32() !== fields.length) refuseChanged(typeName);
  };
  const quoting = quotingOf([quote, backslash, parenthesisOpen, parenthesisClose, comma, ...spaces], doubled);
  const keys = fields.map(({ name }) => Buffer.from(`${JSON.stringify(name)}:`));
  return {
    text: (from, out) => {
      begin(from);
      out.byte(parenthesisOpen);
      for (const [index, field] of fields.entries()) {
        if (index > 0) out.byte(comma);
        if (from.uint32() !== field.oid) refuseChanged(typeName);
        const start = out.length;
        if (putPart(from, field.text, out)) quoteWhereNeeded(out, start, quoting);
      }
      out.byte(parenthesisClose);
    },
    json: (from, out) => {
      begin(from);
      out.byte(braceOpen);
      for (const [index, field] of fields.entries()) {
        if (index > 0) out.byte(comma);
        if (from.uint32() !== field.oid) refuseChanged(typeName);
        const key = keys[index] ?? Buffer.alloc(0);
        out.copy(key, 0, key.length);
        if (!putPart(from, field.json, out)) out.ascii("null");
      }
      out.byte(braceClose);
    },
  };
}

function refuseChanged(typeName: string): never {
  throw new ValueError(`the composite type ${typeName} has changed since the table was copied`);
}

const rangeFlag = {
  empty: 1,
  lowerInclusive: 2,
  upperInclusive: 4,
  lowerInfinite: 8,
  upperInfinite: 16,
} as const;

/** range_send: uint8 flags; lower and upper bound, if present, each int32 length and bytes. */
export function rangeText(subtype: Renders): Render {
  const special = [quote, backslash, parenthesisOpen, parenthesisClose, bracketOpen, bracketClose, comma];
  const quoting = quotingOf([...special, ...spaces], doubled);
  const bound: Render = (from, out) => {
    const start = out.length;
    if (!putPart(from, subtype.text, out)) throw new WireError("a bound of a range is NULL");
    quoteWhereNeeded(out, start, quoting);
  };
  return (from, out) => {
    const flags = from.uint8();
    if ((flags & rangeFlag.empty) !== 0) {
      out.ascii("empty");
      return;
    }
    out.byte((flags & rangeFlag.lowerInclusive) === 0 ? parenthesisOpen : bracketOpen);
    if ((flags & rangeFlag.lowerInfinite) === 0) bound(from, out);
    out.byte(comma);
    if ((flags & rangeFlag.upperInfinite) === 0) bound(from, out);
    out.byte((flags & rangeFlag.upperInclusive) === 0 ? parenthesisClose : bracketClose);
  };
}

/** multirange_send: int32 ranges, each int32 length and bytes. */
export function multirangeText(range: Render): Render {
  return (from, out) => {
    out.byte(braceOpen);
    const count = from.int32();
    for (let index = 0; index < count; index += 1) {
      if (index > 0) out.byte(comma);
      putPart(from, range, out);
    }
    out.byte(braceClose);
  };
}

/** When a part needs quotation marks, and what is escaped between them. */
interface Quoting {
  readonly calls: Uint8Array;
  readonly escapes: Escapes;
}

const backslashed = escapesFrom([
  [quote, '\\"'],
  [backslash, "\\\\"],
]);
const doubled = escapesFrom([
  [quote, '""'],
  [backslash, "\\\\"],
]);

function quotingOf(callers: readonly number[], escapes: Escapes): Quoting {
  const calls = new Uint8Array(256);
  for (const caller of callers) calls[caller] = 1;
  return { calls, escapes };
}

/** An empty part needs quotes too: without them it would be NULL. */
function quoteWhereNeeded(out: TextWriter, start: number, quoting: Quoting): void {
  let isNeeded = out.length === start;
  for (let index = start; index < out.length && !isNeeded; index += 1)
    isNeeded = quoting.calls[out.bytes[index] ?? 0] === 1;
  if (isNeeded) quoteSince(out, start, quoting);
}

function quoteSince(out: TextWriter, start: number, quoting: Quoting): void {
  out.escape(start, quoting.escapes);
  out.insert(start, quote);
  out.byte(quote);
}

/** An unquoted element that reads NULL in any case would be parsed as NULL. */
function isNullWord(out: TextWriter, start: number): boolean {
  if (out.length - start !== 4) return false;
  return String.fromCharCode(...out.bytes.subarray(start, out.length)).toUpperCase() === "NULL";
}
