import type { Cursor } from "../cursor.ts";
import { float64Text } from "../types/float-text.ts";
import type { Render } from "./render.ts";

/* Geometric types as PostgreSQL's output functions write them. */

const number = (from: Cursor): string => float64Text(from.float64());

const point = (from: Cursor): string => `(${number(from)},${number(from)})`;

function points(from: Cursor, count: number): string {
  return Array.from({ length: count }, () => point(from)).join(",");
}

export const renderPoint: Render = (from, out) => out.ascii(point(from));

export const renderLine: Render = (from, out) =>
  out.ascii(`{${number(from)},${number(from)},${number(from)}}`);

export const renderLseg: Render = (from, out) => out.ascii(`[${points(from, 2)}]`);

export const renderBox: Render = (from, out) => out.ascii(points(from, 2));

/** uint8 whether it is closed, int32 number of points, the points. */
export const renderPath: Render = (from, out) => {
  const isClosed = from.uint8() === 1;
  const text = points(from, from.int32());
  out.ascii(isClosed ? `(${text})` : `[${text}]`);
};

export const renderPolygon: Render = (from, out) => out.ascii(`(${points(from, from.int32())})`);

export const renderCircle: Render = (from, out) => out.ascii(`<${point(from)},${number(from)}>`);
