import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readMarker, writeMarker } from "./marker.ts";

const key = randomBytes(32);
const refused = expect.objectContaining({ code: "InvalidParameterValue" });

test("a marker gives back the place for the query that it was written for", () => {
  const query = fc.array(fc.oneof(fc.string(), fc.array(fc.string()), fc.constant(undefined)));
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 50 }), query, (place, list) => {
      const marker = writeMarker(key, place, list);
      expect(marker.length).toBeLessThanOrEqual(340);
      expect(readMarker(key, marker, list)).toBe(place);
      expect(() => readMarker(key, marker, [...list, "more"])).toThrow(refused);
      expect(() => readMarker(randomBytes(32), marker, list)).toThrow(refused);
    }),
  );
});

test("a marker that was changed anywhere is refused, and so is any other text", () => {
  const marker = writeMarker(key, "7", []);
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
