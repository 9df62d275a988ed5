import fc from "fast-check";
import { expect, test } from "vitest";
import { AwsError } from "./error.ts";
import { parameterTree, parseInput } from "./query.ts";
import type { Shape, StructureShape } from "./shape.ts";
import { parseForm } from "./form.ts";

const text = { kind: "string", lengthMax: 10 } as const satisfies Shape;

const shape = {
  kind: "structure",
  required: { Name: { kind: "string", lengthMin: 1, lengthMax: 10, pattern: /^[a-z]+$/ } },
  optional: {
    Count: { kind: "integer" },
    Only: { kind: "boolean" },
    Since: { kind: "timestamp" },
    Keys: { kind: "list", member: text, memberName: "member", lengthMax: 3 },
    Tags: {
      kind: "list",
      memberName: "Tag",
      lengthMax: 3,
      member: { kind: "structure", required: { Key: text }, optional: { Value: text } },
    },
    Context: { kind: "map", key: text, value: text, lengthMax: 2 },
  },
} as const satisfies StructureShape;

function parse(form: string): unknown {
  return parseInput(shape, parameterTree(parseForm(form)));
}

test.each([
  ["Name=a", { Name: "a" }],
  ["Name=a&Unknown=1&Tags.Tag.1.Key=k&Tags.Tag.1.Other=x", { Name: "a", Tags: [{ Key: "k" }] }],
  ["Name=a&Count=-7", { Name: "a", Count: -7 }],
  ["Name=a&Only=true", { Name: "a", Only: true }],
  ["Name=a&Only=False", { Name: "a", Only: false }],
  ["Name=a&Since=2026-01-31T12:00:00Z", { Name: "a", Since: new Date("2026-01-31T12:00:00Z") }],
  ["Name=a&Keys.member.2=y&Keys.member.1=x", { Name: "a", Keys: ["x", "y"] }],
  ["Name=a&Keys.member.10=y&Keys.member.9=x", { Name: "a", Keys: ["x", "y"] }],
  ["Name=a&Keys=", { Name: "a", Keys: [] }],
  ["Name=a&Tags.Tag.1.Key=k&Tags.Tag.1.Value=v", { Name: "a", Tags: [{ Key: "k", Value: "v" }] }],
  ["Name=a&Tags.member.1.Key=k&Tags.member.1.Value=", { Name: "a", Tags: [{ Key: "k", Value: "" }] }],
  ["Name=a&Context.entry.1.key=k&Context.entry.1.value=v", { Name: "a", Context: { k: "v" } }],
])("%s is understood", (form, value) => {
  expect(parse(form)).toEqual(value);
});

test("a key called __proto__ is a key", () => {
  const { Context } = parse("Name=a&Context.entry.1.key=__proto__&Context.entry.1.value=v") as {
    Context: object;
  };
  expect(Object.entries(Context)).toEqual([["__proto__", "v"]]);
});

test.each([
  ["", "MissingParameter", "Name"],
  ["name=a", "MissingParameter", "Name"],
  ["Name=a&Tags.Tag.1.Value=v", "MissingParameter", "Tags.Tag.1.Key"],
  ["Name=a&Context.entry.1.key=k", "MissingParameter", "Context.entry.1.value"],
  ["Name=", "InvalidParameterValue", "Name"],
  ["Name=A", "InvalidParameterValue", "Name"],
  ["Name=a&Only=", "InvalidParameterValue", "Only"],
  ["Name=a&Only=yes", "InvalidParameterValue", "true or false"],
  ["Name=aaaaaaaaaaa", "InvalidParameterValue", "1 to 10"],
  ["Name=a&Count=x", "InvalidParameterValue", "integer"],
  ["Name=a&Count=", "InvalidParameterValue", "integer"],
  ["Name=a&Count=1.5", "InvalidParameterValue", "integer"],
  ["Name=a&Count=1e3", "InvalidParameterValue", "integer"],
  ["Name=a&Count=2147483648", "InvalidParameterValue", "integer"],
  ["Name=a&Since=yesterday", "InvalidParameterValue", "timestamp"],
  ["Name=a&Keys.member.1=%01", "InvalidParameterValue", "XML"],
  ["Name=a&Keys.member.1=%EF%BF%BF", "InvalidParameterValue", "XML"],
  ["Name=a&Keys.member.1=1&Keys.member.2=2&Keys.member.3=3&Keys.member.4=4", "InvalidParameterValue", "3"],
  [
    "Name=a&Context.entry.1.key=k&Context.entry.1.value=1&Context.entry.2.key=k&Context.entry.2.value=2",
    "InvalidParameterValue",
    "twice",
  ],
  ["Name=a&Name=b", "ValidationError", "twice"],
  ["Name.x=a", "ValidationError", "single value"],
  ["Name=a&Tags=x", "ValidationError", "list"],
  ["Name=a&Tags.Tag=x", "ValidationError", "list"],
  ["Name=a&Context.entry=x", "ValidationError", "list"],
  ["Name=a&Tags.1.Key=x", "ValidationError", "list"],
  ["Name=a&Tags.Tag.x.Key=x", "ValidationError", "list"],
  ["Name=a&Tags.Tag.0.Key=x", "ValidationError", "list"],
  ["Name=a&Tags.Tag.1=x", "ValidationError", "structure"],
  ["Name=a&Tags.Tag.1.Key=x&Tags.member.1.Key=y", "ValidationError", "list"],
  ["Name=a&Keys.member.1.x=x", "ValidationError", "single value"],
  ["Name=a&a.b.c.d.e.f.g.h.i.j.k=1", "ValidationError", "parts"],
])("%s is refused with %s", (form, code, hint) => {
  expect(() => parse(form)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(hint) }),
  );
});

test("whatever the parameters, there is a value or an AWS error", () => {
  const step = fc.constantFrom(
    "Name",
    "Tags",
    "Tag",
    "member",
    "1",
    "Key",
    "Keys",
    "Context",
    "entry",
    "key",
  );
  const name = fc.array(step, { maxLength: 5 }).map((steps) => steps.join("."));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string({ unit: "binary", maxLength: 12 }))), (pairs) => {
      try {
        parseInput(shape, parameterTree(pairs.map(([key, value]) => ({ name: key, value }))));
      } catch (error) {
        expect(error).toBeInstanceOf(AwsError);
      }
    }),
    { numRuns: 2_000 },
  );
});
