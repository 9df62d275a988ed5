import { expect, test } from "vitest";
import { AwsError } from "./error.ts";
import { parseBody, printBody, printJsonError } from "./json.ts";
import type { StructureShape } from "./shape.ts";

const text = { kind: "string", lengthMin: 1, lengthMax: 10 } as const;

const shape = {
  kind: "structure",
  required: { name: text },
  optional: {
    count: { kind: "integer" },
    only: { kind: "boolean" },
    since: { kind: "timestamp" },
    keys: { kind: "list", member: text, memberName: "member", lengthMax: 2 },
    inner: { kind: "structure", required: { key: text }, optional: { value: text } },
    context: { kind: "map", key: text, value: text, lengthMax: 2 },
  },
} as const satisfies StructureShape;

const parse = (body: string): unknown => parseBody(shape, Buffer.from(body));

test.each([
  ['{"name": "a"}', { name: "a" }],
  ['{"name": "a", "other": [1], "count": null}', { name: "a" }],
  ['{"name": "a", "count": -7, "only": false}', { name: "a", count: -7, only: false }],
  ['{"name": "a", "since": 1769860800.5}', { name: "a", since: new Date("2026-01-31T12:00:00.500Z") }],
  ['{"name": "a", "keys": [], "context": {}}', { name: "a", keys: [], context: {} }],
  ['{"name": "a", "keys": ["x", "y"]}', { name: "a", keys: ["x", "y"] }],
  ['{"name": "a", "inner": {"key": "k", "x": 1}}', { name: "a", inner: { key: "k" } }],
  ['{"name": "a", "context": {"k": "v"}}', { name: "a", context: { k: "v" } }],
])("%s is understood", (body, value) => {
  expect(parse(body)).toEqual(value);
});

test.each([
  ["", "ValidationException", "name is not valid: it must be given"],
  ["[]", "SerializationException", "The body must be an object"],
  ['{"name": "a", "only": "true"}', "SerializationException", "only must be true or false"],
  ['{"name": "a", "since": "2026-01-31"}', "SerializationException", "since must be a timestamp"],
  ['{"name": "a", "since": 1e300}', "SerializationException", "since must be a timestamp"],
  ['{"name": "a", "count": 2147483648}', "SerializationException", "count must be an integer"],
  ['{"name": "a", "keys": {"0": "x"}}', "SerializationException", "keys must be a list"],
  ['{"name": "a", "keys": ["x", 1]}', "SerializationException", "keys[1] must be a string"],
  ['{"name": "a", "keys": ["x", null]}', "SerializationException", "keys[1] must be a string"],
  ['{"name": "a", "keys": ["x", "y", "z"]}', "ValidationException", "it must have at most 2 members"],
  ['{"name": "a", "inner": []}', "SerializationException", "inner must be an object"],
  ['{"name": "a", "inner": {}}', "ValidationException", "inner.key is not valid: it must be given"],
  ['{"name": "a", "context": {"k": 1}}', "SerializationException", "context's value must be a string"],
  ['{"name": "a", "context": {"a": "x", "b": "x", "c": "x"}}', "ValidationException", "at most 2 entries"],
  ['{"name": "\\u0000"}', "ValidationException", "a character that XML does not allow"],
  ['{"name": "\\ud800"}', "ValidationException", "a character that XML does not allow"],
])("%s is refused: %s, %s", (body, code, sentence) => {
  const attempt = (): unknown => parse(body);
  expect(attempt).toThrow(AwsError);
  expect(attempt).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(sentence) as string }),
  );
});

test("a key called __proto__ is a key", () => {
  const { context } = parse('{"name": "a", "context": {"__proto__": "v"}}') as { context: object };
  expect(Object.entries(context)).toEqual([["__proto__", "v"]]);
});

test("members are printed as the shape has them, without what is undefined or unknown to it", () => {
  const value = {
    name: "é\n<",
    since: new Date("2026-01-31T12:00:00.500Z"),
    inner: { key: "k", value: undefined, secret: "x" },
    context: { k: "v" },
    keys: [],
    secret: "x",
  };
  expect(printBody(shape, value)).toBe(
    '{"name":"é\\n<","since":"2026-01-31T12:00:00.500Z","keys":[],"inner":{"key":"k"},"context":{"k":"v"}}',
  );
  expect(printJsonError("ValidationException", 'say "x"')).toBe(
    '{"__type":"ValidationException","message":"say \\"x\\""}',
  );
});
