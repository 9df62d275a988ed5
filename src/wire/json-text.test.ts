import fc from "fast-check";
import { expect, test } from "vitest";
import { InvalidJson, parseJson } from "./json-text.ts";

test.each([
  ['{"a" : [1, -0.5e+2, true, false, null, "x"], "b": {}}', { a: [1, -50, true, false, null, "x"], b: {} }],
  [' "\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00 é😀" ', '"\\/\b\f\n\r\té😀 é😀'],
  ["[]", []],
  ["0", 0],
])("reads %s", (text, value) => {
  expect(parseJson(text)).toEqual(value);
});

test.each([
  ["", "line 1, column 1: a value was expected"],
  ["{\n  'a': 1}", "line 2, column 3: a key in double quotes was expected"],
  ['{"a": 1,}', "line 1, column 9: a key in double quotes was expected"],
  ['{"a" 1}', 'line 1, column 6: ":" was expected'],
  ['{"a": 1 "b": 2}', 'line 1, column 9: "," or "}" was expected'],
  ["[1, 2", 'line 1, column 6: "," or "]" was expected'],
  ["[1,]", "line 1, column 4: a value was expected"],
  ["nul", "line 1, column 4: a value was expected"],
  ["NaN", "line 1, column 1: a value was expected"],
  ["01", "line 1, column 2: the end of the text was expected"],
  ["1.", "line 1, column 2: the end of the text was expected"],
  ["{} {}", "line 1, column 4: the end of the text was expected"],
  ['"a', "line 1, column 3: a character, an escape or the closing quote was expected"],
  ['"\n"', "line 1, column 2: a character, an escape or the closing quote was expected"],
  ['"\\x"', "line 1, column 2: a character, an escape or the closing quote was expected"],
  ['{"a": 1, "\\u0061": 2}', "line 1, column 18: the key before this is given twice"],
])("refuses %j: %s", (text, sentence) => {
  expect(() => parseJson(text)).toThrow(InvalidJson);
  expect(() => parseJson(text)).toThrow(sentence);
});

test("keys that mean something to JavaScript are only keys", () => {
  const value = parseJson('{"__proto__": {"polluted": 1}, "constructor": 2}') as Record<string, unknown>;
  expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
  expect(value["polluted"]).toBeUndefined();
  expect(value["toString"]).toBeUndefined();
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test("what is nested too deeply is refused, however deep it is", () => {
  for (const [open, close] of [["[", "]"] as const, ['{"a":', "}"] as const]) {
    const nested = (depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`;
    expect(() => parseJson(nested(60))).not.toThrow();
    for (const depth of [70, 100_000])
      expect(() => parseJson(nested(depth))).toThrow("it is nested deeper than 64");
    expect(() => parseJson(open.repeat(300_000))).toThrow(InvalidJson);
  }
});

/** What `JSON.parse` gives; undefined where it throws. */
function reference(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function ours(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidJson);
    return undefined;
  }
}

test("reads and refuses what JSON.parse reads and refuses", () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: "binary" }), fc.nat({ max: 3 }), (text, indent) => {
      const written = JSON.stringify(JSON.parse(text), undefined, indent);
      expect(JSON.stringify(parseJson(written))).toBe(JSON.stringify(JSON.parse(written)));
    }),
    { numRuns: 2_000 },
  );
  const marks = '{}[]:,"\\ \n\ta1-+.eEu0'.split("");
  const unit = fc.constantFrom(...marks, "true", "null", '"a"', '"b":', "\\u00e9");
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
      const wanted = reference(text);
      const isTwice = wanted !== undefined && ours(text) === undefined;
      if (isTwice) expect(() => parseJson(text)).toThrow("given twice");
      else expect(JSON.stringify(ours(text))).toBe(JSON.stringify(wanted));
    }),
    { numRuns: 20_000 },
  );
});
