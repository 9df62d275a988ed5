import fc from "fast-check";
import { expect, test } from "vitest";
import { Cursor } from "../cursor.ts";
import { renderHalfvec, renderHstoreJson, renderSparsevec, renderVector } from "./extension.ts";
import { renderUpperHex } from "./bytes.ts";
import { jsonString } from "./json.ts";
import { arrayColumnJson, arrayText, composite, multirangeText, rangeText } from "./nested.ts";
import { renderInet } from "./network.ts";
import { renderInt4, renderNumeric } from "./number.ts";
import { renderTsquery, renderTsvector } from "./search.ts";
import { renderText } from "./bytes.ts";
import { renderDate, renderTimestamp } from "./time.ts";
import type { Render } from "./render.ts";
import { TextWriter } from "./text-writer.ts";

function rendered(render: Render, bytes: Uint8Array): string {
  const cursor = new Cursor();
  const writer = new TextWriter();
  cursor.open(bytes, 0, bytes.length);
  render(cursor, writer);
  cursor.leave(0);
  return Buffer.from(writer.take()).toString("utf8");
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

test("vectors of pgvector are printed as the extension prints them", () => {
  expect(rendered(renderVector, hex("0003 0000 3f800000 c0200000 3dcccccd"))).toBe("[1,-2.5,0.1]");
  expect(rendered(renderHalfvec, hex("0004 0000 3c00 c100 2e66 0001"))).toBe(
    "[1,-2.5,0.099975586,5.9604645e-08]",
  );
  expect(
    rendered(renderSparsevec, hex("00000005 00000002 00000000 00000000 00000003 3fc00000 40000000")),
  ).toBe("{1:1.5,4:2}/5");
});

test("a geometry of PostGIS is its EWKB in upper-case hexadecimal, as the extension prints it", () => {
  const point = "0101000020E6100000000000000000F03F0000000000000040";
  expect(rendered(renderUpperHex, hex(point))).toBe(point);
});

test("an hstore is a JSON object of strings and nulls", () => {
  const bytes = Buffer.concat([
    hex("00000002 00000001"),
    Buffer.from("a"),
    hex("ffffffff 00000001"),
    Buffer.from('"'),
    hex("00000000"),
  ]);
  expect(rendered(renderHstoreJson, bytes)).toBe('{"a": null, "\\"": ""}');
});

test("text in JSON is escaped as JSON demands, whatever it holds", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const json = rendered(jsonString(renderText), Buffer.from(text));
      expect(JSON.parse(json)).toBe(text);
    }),
    { seed: Math.trunc(Math.random() * 2 ** 31) },
  );
});

test("days and microseconds become the dates of the proleptic calendar", () => {
  const day = fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });
  fc.assert(
    fc.property(day, (date) => {
      const days = Buffer.alloc(4);
      days.writeInt32BE(Math.floor(date.getTime() / 86_400_000) - 10_957);
      expect(rendered(renderDate, days)).toBe(date.toISOString().slice(0, 10));
      const micros = Buffer.alloc(8);
      micros.writeBigInt64BE((BigInt(date.getTime()) - 946_684_800_000n) * 1000n);
      const text = date
        .toISOString()
        .replace("T", " ")
        .replace(/\.?0*Z$/, "");
      expect(rendered(renderTimestamp, micros)).toBe(text);
    }),
    { seed: Math.trunc(Math.random() * 2 ** 31) },
  );
});

const int = { text: renderInt4, json: renderInt4 };
const renders: readonly (readonly [string, Render])[] = [
  ["an array", arrayColumnJson(int, ",")],
  ["an array's text", arrayText(int, ",")],
  ["a composite", composite("t", [{ name: "a", oid: 23, ...int }]).json],
  ["a range", rangeText(int)],
  ["a multirange", multirangeText(rangeText(int))],
  ["a numeric", renderNumeric],
  ["an address", renderInet],
  ["a tsvector", renderTsvector],
  ["a tsquery", renderTsquery],
  ["an hstore", renderHstoreJson],
  ["a vector", renderVector],
];

test.each(renders)(
  "%s of broken bytes ends with an error or with text, never beyond the value",
  (_, render) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          expect(typeof rendered(render, bytes)).toBe("string");
        } catch (error) {
          expect(["WireError", "ValueError"]).toContain((error as Error).name);
        }
      }),
      { seed: Math.trunc(Math.random() * 2 ** 31), numRuns: 2000 },
    );
  },
);

test("a composite that has changed since its type was read is refused", () => {
  const { json } = composite("pair", [{ name: "a", oid: 23, ...int }]);
  expect(() => rendered(json, hex("00000001 00000019 00000001 61"))).toThrow(/pair has changed/);
  expect(() => rendered(json, hex("00000000"))).toThrow(/pair has changed/);
});
