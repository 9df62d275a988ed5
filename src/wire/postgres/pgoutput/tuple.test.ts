import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  fieldNull,
  fieldUnchanged,
  Fields,
  type Piece,
  type TupleLayout,
} from "../../../model/replication/tuple.ts";
import { vectorRowsMax } from "../../../model/replication/vector.ts";
import { copyTuple, pgoutputTuple } from "./tuple.ts";

const layouts: readonly (readonly [string, TupleLayout])[] = [
  ["copyTuple", copyTuple],
  ["pgoutputTuple", pgoutputTuple],
];

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const noBytes = new Uint8Array(0);

/** A field of some tuple that stands among other bytes. */
const piece = fc.uint8Array({ maxLength: 20 }).map((value): Piece => {
  const region = bytes(9, ...value, 9);
  return { region, start: 1, length: value.length };
});
const nullPiece = fc.constant<Piece>({ region: noBytes, start: 0, length: fieldNull });
const unchangedPiece = fc.constant<Piece>({ region: noBytes, start: 0, length: fieldUnchanged });

const piecesOf = (layout: TupleLayout): fc.Arbitrary<Piece> =>
  layout === copyTuple ? fc.oneof(piece, nullPiece) : fc.oneof(piece, nullPiece, unchangedPiece);

const seed = Math.trunc(Math.random() * 2 ** 31);

function contentOf(given: Piece): number[] | number {
  return given.length < 0
    ? given.length
    : Array.from(given.region.subarray(given.start, given.start + given.length));
}

/** Rows of equal width, composed one behind the other. */
function compose(
  layout: TupleLayout,
  rows: readonly (readonly Piece[])[],
): { region: Uint8Array; offsets: Int32Array } {
  const region = new Uint8Array(rows.reduce((size, row) => size + layout.sizeOf(row), 3));
  const offsets = new Int32Array(rows.length);
  let at = 3;
  for (const [index, row] of rows.entries()) {
    offsets[index] = at;
    at = layout.compose(row, region, at);
  }
  expect(at).toBe(region.length);
  return { region, offsets };
}

describe.each(layouts)("%s", (_, layout) => {
  const rowsOf = fc.integer({ min: 1, max: 6 }).chain((columns) =>
    fc.array(fc.array(piecesOf(layout), { minLength: columns, maxLength: columns }), {
      minLength: 1,
      maxLength: 20,
    }),
  );

  test("finds every field of tuples that it composed", () => {
    fc.assert(
      fc.property(rowsOf, fc.nat(5), (rows, extra) => {
        const columns = Math.max(1, (rows[0]?.length ?? 1) - extra);
        const { region, offsets } = compose(layout, rows);
        const fields = new Fields(columns);
        layout.locate({ region, offsets, first: 0, count: rows.length }, columns, fields);
        expect(fields.region).toBe(region);
        for (const [row, pieces] of rows.entries())
          for (let column = 0; column < columns; column += 1) {
            const index = column * vectorRowsMax + row;
            const found = { region, start: fields.starts[index] ?? 0, length: fields.lengths[index] ?? 0 };
            expect(contentOf(found)).toEqual(contentOf(pieces[column] as Piece));
          }
      }),
      { seed },
    );
  });

  test("finds a few fields of one tuple, and the end of each", () => {
    fc.assert(
      fc.property(rowsOf, fc.array(fc.nat(5)), (rows, wanted) => {
        const { region, offsets } = compose(layout, rows);
        const width = rows[0]?.length ?? 0;
        const columns = [...new Set(wanted.filter((column) => column < width))].toSorted((a, b) => a - b);
        const starts = new Int32Array(columns.length);
        const lengths = new Int32Array(columns.length);
        for (const [row, pieces] of rows.entries()) {
          const offset = offsets[row] ?? 0;
          layout.locateFew({ region, offset, columns }, starts, lengths);
          for (const [entry, column] of columns.entries()) {
            const found = { region, start: starts[entry] ?? 0, length: lengths[entry] ?? 0 };
            expect(contentOf(found)).toEqual(contentOf(pieces[column] as Piece));
          }
          expect(layout.end(region, offset)).toBe(offsets[row + 1] ?? region.length);
        }
      }),
      { seed },
    );
  });

  test("refuses a tuple with fewer fields than its table has columns", () => {
    const { region, offsets } = compose(layout, [[{ region: noBytes, start: 0, length: fieldNull }]]);
    expect(() => layout.locate({ region, offsets, first: 0, count: 1 }, 2, new Fields(2))).toThrow(
      /1 fields/,
    );
    const few = { region, offset: offsets[0] ?? 0, columns: [1] };
    expect(() => layout.locateFew(few, new Int32Array(1), new Int32Array(1))).toThrow(/1 fields/);
  });

  test("refuses a tuple that goes on behind the region", () => {
    const whole = compose(layout, [[{ region: bytes(1, 2, 3), start: 0, length: 3 }]]);
    const region = whole.region.subarray(0, -1);
    expect(() => layout.locate({ ...whole, region, first: 0, count: 1 }, 1, new Fields(1))).toThrow(/behind/);
    expect(() => layout.end(region, whole.offsets[0] ?? 0)).toThrow(/behind/);
  });
});

test("pgoutputTuple takes text and binary fields alike and refuses unknown kinds", () => {
  const region = Buffer.from("0003 74 00000002 6869 62 00000001 07 6e".replaceAll(" ", ""), "hex");
  const fields = new Fields(3);
  const span = { region, offsets: Int32Array.of(0), first: 0, count: 1 };
  pgoutputTuple.locate(span, 3, fields);
  expect([0, 1, 2].map((column) => fields.lengths[column * vectorRowsMax])).toEqual([2, 1, fieldNull]);
  expect([0, 1].map((column) => fields.starts[column * vectorRowsMax])).toEqual([7, 14]);
  region[2] = 0x78;
  expect(() => pgoutputTuple.locate(span, 3, fields)).toThrow(/unknown kind 120/);
});

test("copyTuple refuses the trailer of a copy as a tuple", () => {
  const span = { region: bytes(0xff, 0xff, 0, 0, 0, 0), offsets: Int32Array.of(0), first: 0, count: 1 };
  expect(() => copyTuple.locate(span, 1, new Fields(1))).toThrow(/-1 fields/);
});
