import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidPolicy, parsePolicy } from "./document.ts";
import { decide, type AccessRequest } from "./policy.ts";

const integration = "arn:aws:rds:us-east-1:123456789012:integration:11111111-2222-4333-8444-555555555555";
const shop = "arn:aws:rds:us-east-1:123456789012:db:shop";

function request(over: Partial<Omit<AccessRequest, "context">> & { context?: Context } = {}): AccessRequest {
  const { action = "rds:DescribeIntegrations", resource = integration, context = {} } = over;
  return { action, resource, context: new Map(Object.entries(context)) };
}

type Context = Readonly<Record<string, readonly string[]>>;

function allow(over: object = {}): object {
  return {
    Version: "2012-10-17",
    Statement: { Effect: "Allow", Action: "*", Resource: "*", ...over },
  };
}

const decided = (document: object, asked = request()): string => decide(parsePolicy(document), asked);

describe("statements", () => {
  test.each([
    ["nothing that applies", [{ Effect: "Allow", Action: "rds:Create*", Resource: "*" }], "not-allowed"],
    ["an allow", [{ Effect: "Allow", Action: "rds:Describe*", Resource: "*" }], "allowed"],
    [
      "a deny after an allow",
      [
        { Effect: "Allow", Action: "*", Resource: "*" },
        { Effect: "Deny", Action: "rds:*", Resource: "*" },
      ],
      "denied",
    ],
    [
      "a deny before an allow",
      [
        { Effect: "Deny", Action: "rds:*", Resource: "*" },
        { Effect: "Allow", Action: "*", Resource: "*" },
      ],
      "denied",
    ],
    ["a deny alone", [{ Effect: "Deny", Action: "*", Resource: "*" }], "denied"],
    [
      "a deny of something else",
      [
        { Effect: "Allow", Action: "*", Resource: "*" },
        { Effect: "Deny", Action: "rds:*", Resource: shop },
      ],
      "allowed",
    ],
    ["a NotAction that names it", [{ Effect: "Allow", NotAction: "rds:*", Resource: "*" }], "not-allowed"],
    ["a NotAction of others", [{ Effect: "Allow", NotAction: ["iam:*"], Resource: "*" }], "allowed"],
    ["a NotResource that matches", [{ Effect: "Deny", Action: "*", NotResource: "*" }], "not-allowed"],
    ["a NotResource of others", [{ Effect: "Deny", Action: "*", NotResource: shop }], "denied"],
  ])("%s: %#", (_, Statement, decision) => {
    expect(decided({ Statement })).toBe(decision);
  });

  test.each([
    ["rds:describeINTEGRATIONS", true],
    ["rds:Describe?ntegrations", true],
    ["RDS:*", true],
    ["*", true],
    ["rds:DescribeIntegration", false],
    ["redshift:*", false],
  ])("the action %s, whose case means nothing: %s", (Action, applies) => {
    expect(decided(allow({ Action }))).toBe(applies ? "allowed" : "not-allowed");
  });

  test.each([
    ["arn:aws:rds:us-east-1:123456789012:integration:*", true],
    ["arn:aws:rds:*", true],
    ["arn:aws:rds:us-east-?:*:integration:11111111*555", true],
    ["arn:aws:rds:us-east-1:123456789012:integration:", false],
    ["arn:aws:rds:us-east-1:123456789012:INTEGRATION:*", false],
    ["arn:aws:rds:us-east-1:123456789012:integration:?", false],
    [shop, false],
  ])("the resource %s, whose case means something: %s", (Resource, applies) => {
    expect(decided(allow({ Resource: [shop, Resource] }))).toBe(applies ? "allowed" : "not-allowed");
  });

  test.each([
    ["2012-10-17", "arn:aws:rds:*:${aws:username}", { "aws:username": ["ann*"] }, "x:ann*", "allowed"],
    ["2012-10-17", "arn:aws:rds:*:${aws:username}", { "aws:username": ["ann*"] }, "x:anna", "not-allowed"],
    ["2012-10-17", "arn:aws:rds:*:${aws:username}", {}, "x:", "not-allowed"],
    ["2012-10-17", "arn:aws:rds:*:${aws:username, 'x'}", {}, "x:x", "allowed"],
    ["2012-10-17", "arn:aws:rds:*:${AWS:UserName}", { "aws:username": ["ann"] }, "x:ann", "allowed"],
    ["2012-10-17", "arn:aws:rds:*:${aws:tagkeys}", { "aws:tagkeys": ["a", "b"] }, "x:a", "not-allowed"],
    ["2012-10-17", "arn:aws:rds:*:a${*}", {}, "x:a*", "allowed"],
    ["2012-10-17", "arn:aws:rds:*:a${*}", {}, "x:ab", "not-allowed"],
    ["2008-10-17", "arn:aws:rds:*:${aws:username}", { "aws:username": ["ann"] }, "x:ann", "not-allowed"],
    ["2008-10-17", "arn:aws:rds:*:${aws:username}", {}, "x:${aws:username}", "allowed"],
  ])("version %s, the resource %s with %j, asked for %s: %s", (...row) => {
    const [Version, Resource, context, end, decision] = row;
    const document = { Version, Statement: [{ Effect: "Allow", Action: "*", Resource }] };
    expect(decided(document, request({ resource: `arn:aws:rds:${end}`, context }))).toBe(decision);
  });
});

const tag = "aws:ResourceTag/Team";

describe("conditions", () => {
  test.each<[string, string, unknown, readonly string[] | undefined, boolean]>([
    ["StringEquals", tag, "data", ["data"], true],
    ["StringEquals", tag, ["web", "data"], ["data"], true],
    ["StringEquals", tag, "data", ["Data"], false],
    ["StringEquals", tag, "d*", ["data"], false],
    ["StringEquals", tag, "d*", ["d*"], true],
    ["StringEquals", tag, "data", undefined, false],
    ["StringEquals", tag, 7, ["7"], true],
    ["StringEqualsIfExists", tag, "data", undefined, true],
    ["StringEqualsIfExists", tag, "data", ["web"], false],
    ["StringNotEquals", tag, "data", ["web"], true],
    ["StringNotEquals", tag, ["web", "data"], ["web"], false],
    ["StringNotEquals", tag, "data", undefined, true],
    ["StringNotEqualsIfExists", tag, "data", undefined, true],
    ["StringEqualsIgnoreCase", tag, "DATA", ["data"], true],
    ["StringEqualsIgnoreCase", tag, "DAT", ["data"], false],
    ["StringNotEqualsIgnoreCase", tag, "DATA", ["data"], false],
    ["StringLike", tag, "d?t*", ["data"], true],
    ["StringLike", tag, "d?t", ["data"], false],
    ["StringNotLike", tag, "d*", ["data"], false],
    ["StringNotLike", tag, "w*", ["data"], true],
    ["ArnEquals", "aws:SourceArn", "arn:aws:rds:*:*:db:sh?p", [shop], true],
    ["ArnLike", "aws:SourceArn", "arn:aws:rds:*:*:db:sh?p", [shop], true],
    ["ArnLike", "aws:SourceArn", "arn:aws:rds:*:db:*:*", [shop], false],
    ["ArnLike", "aws:SourceArn", "arn:aws:rds:us-east-1:123456789012:*", [shop], true],
    ["ArnLike", "aws:SourceArn", "*", [shop], true],
    ["ArnLike", "aws:SourceArn", "arn:*:*:*:*:*", ["shop"], false],
    ["ArnNotEquals", "aws:SourceArn", shop, [integration], true],
    ["ArnNotLike", "aws:SourceArn", "arn:aws:rds:*:*:db:*", [shop], false],
    ["Bool", "aws:SecureTransport", true, ["true"], true],
    ["Bool", "aws:SecureTransport", "TRUE", ["true"], true],
    ["Bool", "aws:SecureTransport", "true", ["false"], false],
    ["Bool", "aws:SecureTransport", "false", undefined, false],
    ["BoolIfExists", "aws:MultiFactorAuthPresent", "true", undefined, true],
    ["Null", tag, "true", undefined, true],
    ["Null", tag, "true", ["data"], false],
    ["Null", tag, false, ["data"], true],
    ["Null", tag, "false", [], false],
    ["NumericLessThan", "x:y", "10", ["9"], true],
    ["NumericLessThan", "x:y", "10", ["nine"], false],
    ["NumericLessThanEquals", "x:y", 10, ["10"], true],
    ["NumericGreaterThan", "x:y", "10", ["9"], false],
    ["NumericGreaterThanEquals", "x:y", "-1.5", ["-1.5"], true],
    ["NumericEquals", "x:y", "10", ["10.0"], true],
    ["NumericNotEquals", "x:y", "10", ["10.0"], false],
    ["DateLessThan", "aws:CurrentTime", "2026-01-31T12:00:00Z", ["2026-01-31T11:59:59Z"], true],
    ["DateGreaterThan", "aws:CurrentTime", "2026-01-31", ["2026-01-31T00:00:00Z"], false],
    ["DateGreaterThanEquals", "aws:CurrentTime", "2026-01-31", ["2026-01-31T00:00:00Z"], true],
    ["DateEquals", "aws:CurrentTime", "1769860800", ["2026-01-31T12:00:00Z"], true],
    ["DateLessThanEquals", "aws:CurrentTime", "2026-01-31T13:00:00+01:00", ["2026-01-31T12:00:00Z"], true],
    ["DateNotEquals", "aws:CurrentTime", "2026-01-31", ["2026-01-30T00:00:00Z"], true],
    ["ForAllValues:StringEquals", "aws:TagKeys", ["a", "b"], ["a"], true],
    ["ForAllValues:StringEquals", "aws:TagKeys", ["a", "b"], ["a", "c"], false],
    ["ForAllValues:StringEquals", "aws:TagKeys", ["a"], undefined, true],
    ["ForAllValues:StringNotLike", "aws:TagKeys", ["x*"], ["a", "xa"], false],
    ["ForAnyValue:StringEquals", "aws:TagKeys", ["a", "b"], ["c", "a"], true],
    ["ForAnyValue:StringEquals", "aws:TagKeys", ["a"], ["c"], false],
    ["ForAnyValue:StringEquals", "aws:TagKeys", ["a"], undefined, false],
    ["ForAnyValue:StringEqualsIfExists", "aws:TagKeys", ["a"], undefined, true],
    ["ForAnyValue:StringNotEquals", "aws:TagKeys", ["a"], ["a", "b"], true],
    ["ForAnyValue:StringNotEquals", "aws:TagKeys", ["a"], undefined, false],
    ["StringNotEquals", "aws:TagKeys", ["a"], ["a", "b"], false],
  ])("%s of %s with %j, where it is %j: %s", (...row) => {
    const [operator, key, wanted, given, isMet] = row;
    const context = given === undefined ? {} : { [key.toLowerCase()]: given };
    const document = allow({ Condition: { [operator]: { [key]: wanted } } });
    expect(decided(document, request({ context }))).toBe(isMet ? "allowed" : "not-allowed");
  });

  test("all conditions must hold, of one operator and of several", () => {
    const Condition = { StringEquals: { "a:b": "1", "a:c": "2" }, Null: { "a:d": "true" } };
    const met = { "a:b": ["1"], "a:c": ["2"] };
    expect(decided(allow({ Condition }), request({ context: met }))).toBe("allowed");
    for (const unmet of [{ "a:b": ["2"] }, { "a:c": [] }, { "a:d": ["x"] }])
      expect(decided(allow({ Condition }), request({ context: { ...met, ...unmet } }))).toBe("not-allowed");
  });

  test("a variable in a value stands for the text of the key", () => {
    const document = allow({ Condition: { StringLike: { [tag]: "${aws:username}-*" } } });
    const context = { "aws:resourcetag/team": ["ann*-x"], "aws:username": ["ann*"] };
    expect(decided(document, request({ context }))).toBe("allowed");
    expect(decided(document, request({ context: { ...context, "aws:username": ["an*"] } }))).toBe(
      "not-allowed",
    );
  });
});

describe("a document that is not valid is refused with the place", () => {
  const statement = { Effect: "Allow", Action: "*", Resource: "*" };
  test.each<[unknown, string]>([
    ["{}", "The policy must be a mapping"],
    [[], "The policy must be a mapping"],
    [{}, "The policy must have Statement"],
    [{ Statement: [] }, "Statement must not be empty"],
    [{ Version: "2012-10-18", Statement: statement }, 'Version must be "2012-10-17" (or'],
    [
      { Statement: statement, Statements: [] },
      "Statements is not allowed here; known are Statement, Version, Id",
    ],
    [{ Statement: [statement, "x"] }, "Statement[1] must be a mapping"],
    [{ Statement: { ...statement, Effect: "allow" } }, "Statement.Effect must be Allow or Deny"],
    [{ Statement: { ...statement, Principal: "*" } }, "Statement.Principal is not allowed here"],
    [{ Statement: { ...statement, Sid: "a b" } }, "Statement.Sid must be letters and digits"],
    [
      {
        Statement: [
          { ...statement, Sid: "a" },
          { ...statement, Sid: "a" },
        ],
      },
      "Statement[1].Sid is used twice",
    ],
    [{ Statement: { Effect: "Allow", Resource: "*" } }, "Statement must have either Action or NotAction"],
    [{ Statement: { ...statement, NotAction: "*" } }, "Statement must have either Action or NotAction"],
    [{ Statement: { ...statement, Action: [] } }, "Statement.Action must not be empty"],
    [{ Statement: { ...statement, Action: ["rds:*", {}] } }, "Statement.Action must be a text or a list"],
    [
      { Statement: { ...statement, Action: "DescribeIntegrations" } },
      'Statement.Action has "DescribeIntegrations"',
    ],
    [
      { Statement: { ...statement, Resource: "integration" } },
      'Statement.Resource has "integration", which must be',
    ],
    [{ Statement: { ...statement, Condition: [] } }, "Statement.Condition must be a mapping"],
    [
      { Statement: { ...statement, Condition: { IpAddress: { "aws:SourceIp": "::1" } } } },
      "Statement.Condition.IpAddress is not a condition operator that is supported",
    ],
    [
      { Statement: { ...statement, Condition: { toString: { "aws:SourceIp": "::1" } } } },
      "Statement.Condition.toString is not a condition operator",
    ],
    [
      { Statement: { ...statement, Condition: { NullIfExists: { "aws:TagKeys": "true" } } } },
      "Statement.Condition.NullIfExists is not a condition operator",
    ],
    [
      { Statement: { ...statement, Condition: { StringEquals: { team: "x" } } } },
      "Statement.Condition.StringEquals.team is not the name of a condition key",
    ],
    [
      { Statement: { ...statement, Condition: { Bool: { "aws:SecureTransport": "yes" } } } },
      'Statement.Condition.Bool.aws:SecureTransport has "yes", which Bool cannot take',
    ],
    [{ Statement: { ...statement, Condition: { Null: { "a:b": "yes" } } } }, "cannot take"],
    [
      { Statement: { ...statement, Condition: { ArnLike: { "aws:SourceArn": "arn:aws:rds" } } } },
      "cannot take",
    ],
    [{ Statement: { ...statement, Condition: { DateLessThan: { "a:b": "yesterday" } } } }, "cannot take"],
    [{ Statement: { ...statement, Condition: { DateLessThan: { "a:b": "2026-13-01" } } } }, "cannot take"],
    [{ Statement: { ...statement, Condition: { NumericEquals: { "a:b": "1e3" } } } }, "cannot take"],
    [{ Statement: { ...statement, Condition: { StringEquals: { "a:b": [] } } } }, "must not be empty"],
    [{ Id: "x".repeat(10_240), Statement: statement }, "The policy must have at most 10240 characters"],
  ])("%j: %s", (document, sentence) => {
    const attempt = (): unknown => parsePolicy(document);
    expect(attempt).toThrow(InvalidPolicy);
    expect(attempt).toThrow(sentence);
  });

  test("any JSON is either a policy or refused as one", () => {
    const odd = fc.oneof(fc.jsonValue(), fc.constantFrom("*", "Allow", "rds:*"));
    const loose = fc.record(
      {
        Effect: odd,
        Action: odd,
        NotAction: odd,
        Resource: odd,
        Condition: fc.dictionary(fc.constantFrom("StringLike", "Null", "Bool"), odd),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(odd, fc.record({ Statement: fc.oneof(odd, loose, fc.array(loose)) })),
        (document) => {
          try {
            decide(parsePolicy(document), request());
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidPolicy);
          }
        },
      ),
    );
  });
});

// The reference: no compilation, no cleverness, straight from AWS's words.

interface PlainStatement {
  readonly Effect: "Allow" | "Deny";
  readonly Action?: string[] | undefined;
  readonly NotAction?: string[] | undefined;
  readonly Resource?: string[] | undefined;
  readonly NotResource?: string[] | undefined;
  readonly Condition: Record<string, Record<string, string[]>>;
}

function glob(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  const rest = pattern.slice(1);
  if (pattern.startsWith("*")) return glob(rest, text) || (text !== "" && glob(pattern, text.slice(1)));
  return text !== "" && (pattern.startsWith("?") || pattern[0] === text[0]) && glob(rest, text.slice(1));
}

const comparisons: Record<string, (wanted: string, value: string) => boolean> = {
  StringEquals: (wanted, value) => wanted === value,
  StringEqualsIgnoreCase: (wanted, value) => wanted.toLowerCase() === value.toLowerCase(),
  StringLike: glob,
};

function conditionHolds(operator: string, wanted: string[], given: string[] | undefined): boolean {
  const parts = /^(?:(For\w+):)?(\w+?)(IfExists)?$/.exec(operator);
  const [, quantifier, name = "", ifExists] = parts ?? [];
  const compare = comparisons[name.replace("Not", "")];
  if (compare === undefined) throw new Error(`the reference has no ${name}`);
  const isNegated = name.includes("Not");
  const isEqual = (value: string): boolean => wanted.some((text) => compare(text, value));
  if (given === undefined || given.length === 0) {
    if (ifExists !== undefined || quantifier === "ForAllValues") return true;
    return quantifier === undefined && isNegated;
  }
  if (quantifier === "ForAllValues") return given.every((value) => isEqual(value) !== isNegated);
  if (quantifier === "ForAnyValue") return given.some((value) => isEqual(value) !== isNegated);
  return given.some(isEqual) !== isNegated;
}

function reference(statements: readonly PlainStatement[], asked: AccessRequest): string {
  const applying = statements.filter((statement) => {
    const action = (pattern: string): boolean => glob(pattern.toLowerCase(), asked.action.toLowerCase());
    const resource = (pattern: string): boolean => glob(pattern, asked.resource);
    if (statement.Action !== undefined && !statement.Action.some(action)) return false;
    if (statement.NotAction?.some(action) === true) return false;
    if (statement.Resource !== undefined && !statement.Resource.some(resource)) return false;
    if (statement.NotResource?.some(resource) === true) return false;
    for (const [operator, keys] of Object.entries(statement.Condition))
      for (const [key, wanted] of Object.entries(keys)) {
        const given = asked.context.get(key.toLowerCase());
        if (!conditionHolds(operator, wanted, given === undefined ? undefined : [...given])) return false;
      }
    return true;
  });
  if (applying.some(({ Effect }) => Effect === "Deny")) return "denied";
  return applying.length > 0 ? "allowed" : "not-allowed";
}

// Few letters, so that patterns and texts meet often.
const letters = (units: string[], lengths: { minLength?: number; maxLength: number }): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...units), ...lengths });
const actionPattern = letters(["a", "b", "*", "?"], { minLength: 1, maxLength: 4 }).map(
  (end) => `rds:${end}`,
);
const resourcePattern = letters(["a", "b", ":", "*", "?"], { maxLength: 6 }).map((end) => `arn:${end}`);
const text = letters(["a", "A", "b", "*", "?"], { maxLength: 4 });
const some = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(of, { minLength: 1, maxLength: 3 });
const operatorName = fc
  .tuple(
    fc.constantFrom("", "ForAllValues:", "ForAnyValue:"),
    fc.constantFrom(
      "StringEquals",
      "StringNotEquals",
      "StringLike",
      "StringNotLike",
      "StringEqualsIgnoreCase",
      "StringNotEqualsIgnoreCase",
    ),
    fc.constantFrom("", "IfExists"),
  )
  .map((parts) => parts.join(""));
const conditionKey = fc.constantFrom("aws:Tag/A", "aws:tag/a", "aws:TagKeys");
const statement: fc.Arbitrary<PlainStatement> = fc
  .tuple(
    fc.constantFrom("Allow" as const, "Allow" as const, "Deny" as const),
    fc.oneof(fc.record({ Action: some(actionPattern) }), fc.record({ NotAction: some(actionPattern) })),
    fc.oneof(
      fc.record({ Resource: some(resourcePattern) }),
      fc.record({ NotResource: some(resourcePattern) }),
    ),
    fc.dictionary(operatorName, fc.dictionary(conditionKey, some(text), { maxKeys: 2 }), { maxKeys: 2 }),
  )
  .map(([Effect, actions, resources, Condition]) => ({ Effect, ...actions, ...resources, Condition }));
const asking: fc.Arbitrary<AccessRequest> = fc.record({
  action: letters(["a", "B"], { minLength: 1, maxLength: 4 }).map((end) => `rds:${end}`),
  resource: letters(["a", "b", ":"], { maxLength: 6 }).map((end) => `arn:${end}`),
  context: fc
    .dictionary(fc.constantFrom("aws:tag/a", "aws:tagkeys"), fc.array(text, { maxLength: 3 }))
    .map((entries) => new Map(Object.entries(entries))),
});

test("random policies and requests are decided as the reference decides them", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(some(statement), asking, (Statement, asked) => {
      const decision = decide(parsePolicy({ Version: "2012-10-17", Statement }), asked);
      seen.add(decision);
      expect(decision).toBe(reference(Statement, asked));
    }),
    { numRuns: 20_000 },
  );
  expect(seen).toEqual(new Set(["allowed", "denied", "not-allowed"]));
});

// Backtracking would take longer than the universe has.
test("a pattern of many stars is decided", () => {
  const Resource = `arn:${"a*".repeat(2_000)}b`;
  expect(decided(allow({ Resource }), request({ resource: `arn:${"a".repeat(2_000)}` }))).toBe("not-allowed");
});
