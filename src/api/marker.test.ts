import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openMarker, readMarker, sealMarker, writeMarker } from "./marker.ts";

const key = randomBytes(32);
const refused = expect.objectContaining({ code: "InvalidParameterValue" });

test("a marker gives back the ordinal for the query that it was written for", () => {
  const query = fc.array(fc.oneof(fc.string(), fc.array(fc.string()), fc.constant(undefined)));
  fc.assert(
    fc.property(fc.nat(2 ** 31 - 1), query, (ordinal, list) => {
      const marker = writeMarker(key, ordinal, list);
      expect(marker.length).toBeLessThanOrEqual(340);
      expect(readMarker(key, marker, list)).toBe(ordinal);
      expect(() => readMarker(key, marker, [...list, "more"])).toThrow(refused);
      expect(() => readMarker(randomBytes(32), marker, list)).toThrow(refused);
    }),
  );
});

test("a marker of several numbers gives all of them back, up to the largest", () => {
  const number = fc.oneof(
    fc.maxSafeNat().map((value) => value % 2 ** 48),
    fc.constant(2 ** 48 - 1),
  );
  fc.assert(
    fc.property(fc.array(number, { maxLength: 6 }), (numbers) => {
      const marker = sealMarker(key, numbers, ["a"]);
      expect(marker.length).toBeLessThanOrEqual(340);
      expect(openMarker(key, marker, ["a"])).toEqual(numbers);
      expect(() => openMarker(key, marker, ["b"])).toThrow(refused);
    }),
  );
});

test("a marker that was changed anywhere is refused, and so is any other text", () => {
  const marker = writeMarker(key, 7, []);
  fc.assert(
    fc.property(fc.nat(marker.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, put) => {
      const changed = marker.slice(0, at) + put + marker.slice(at + 1);
      fc.pre(changed !== marker);
      expect(() => readMarker(key, changed, [])).toThrow(refused);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(() => readMarker(key, text, [])).toThrow(refused);
    }),
  );
});
