import fc from "fast-check";
import { expect, test } from "vitest";
import { parseForm } from "./form.ts";

test("reads what every browser and SDK writes", () => {
  const word = fc.string({ unit: "grapheme", maxLength: 30 });
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word)), (pairs) => {
      const written = new URLSearchParams(pairs).toString();
      expect(parseForm(written)).toEqual(pairs.map(([name, value]) => ({ name, value })));
      const strict = pairs.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
      expect(parseForm(strict)).toEqual(pairs.map(([name, value]) => ({ name, value })));
    }),
  );
});

test("a name without a value, an empty piece and an equals sign in a value are no mistakes", () => {
  expect(parseForm("a&&b==c&d=")).toEqual([
    { name: "a", value: "" },
    { name: "b", value: "=c" },
    { name: "d", value: "" },
  ]);
  expect(parseForm("")).toEqual([]);
});

test("raw bytes of UTF-8 are read as they are", () => {
  expect(parseForm(Buffer.from("ü=ß🐘").toString("latin1"))).toEqual([{ name: "ü", value: "ß🐘" }]);
});

test.each([
  "a=%",
  "a=%4",
  "a=%zz",
  "%=a",
  "a=%u0041",
  "a=%FF",
  "a=%C3",
  "a=%C0%80",
  "a=%ED%A0%80",
  "a=%F5%80%80%80",
  "a=\xff",
])("%s is refused", (text) => {
  expect(() => parseForm(text)).toThrow(expect.objectContaining({ code: "MalformedQueryString" }));
});

test("too many parameters and too long names are refused", () => {
  const refused = expect.objectContaining({ code: "MalformedQueryString" });
  expect(parseForm("a&".repeat(1_999))).toHaveLength(1_999);
  expect(() => parseForm("a&".repeat(2_001))).toThrow(refused);
  expect(() => parseForm(`${"a".repeat(257)}=1`)).toThrow(refused);
});

test("whatever the bytes, there is an answer or an AWS error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        parseForm(Buffer.from(bytes).toString("latin1"));
      } catch (error) {
        expect(error).toMatchObject({ code: "MalformedQueryString" });
      }
    }),
    { numRuns: 1_000 },
  );
});
