import { CodedError } from "../../base/errors.ts";
import { parseOperator, type Condition } from "./condition.ts";
import { parsePattern, type Pattern } from "./pattern.ts";
import { parseAwsPrincipal, parseServicePrincipal, type PrincipalName } from "./principal.ts";
import { isOnAction, isOnResource, type Choice, type Policy, type Statement } from "./policy.ts";

/** Keys and indexes from the top of the document. */
type Path = readonly (string | number)[];

/** States what is wrong in a policy document, and where. */
export class InvalidPolicy extends CodedError {
  readonly path: Path;

  constructor(path: Path, problem: string) {
    super("INVALID_POLICY", `${labelOf(path)} ${problem}`);
    this.path = path;
  }
}

const charactersMax = 10_240;

/** What a resource policy can refer to. */
export interface PolicyResource {
  /** ARNs of the resource. */
  readonly names: readonly [string, ...string[]];
  /** The actions on it that such a policy controls. */
  readonly actions: readonly string[];
}

/**
 * Parses an IAM policy that is attached to an access key (so it has no `Principal`). `document` is plain values, as in
 * JSON. Throws `InvalidPolicy`.
 */
export function parsePolicy(document: unknown): Policy {
  return parse(document, undefined);
}

/**
 * Like `parsePolicy`, for a policy that is attached to a resource: each statement has a `Principal`. `Resource` is
 * optional, since the policy is about that resource. A statement that could never apply to it is refused.
 */
export function parseResourcePolicy(document: unknown, resource: PolicyResource): Policy {
  return parse(document, resource);
}

function parse(document: unknown, resource: PolicyResource | undefined): Policy {
  if (JSON.stringify(mapping(document, [])).length > charactersMax)
    throw new InvalidPolicy([], `must have at most ${charactersMax} characters`);
  const { Version: version = "2008-10-17", Statement: list } = fields(document, [], {
    required: ["Statement"],
    optional: ["Version", "Id"],
  });
  if (version !== "2012-10-17" && version !== "2008-10-17")
    throw new InvalidPolicy(["Version"], 'must be "2012-10-17" (or "2008-10-17", without variables)');
  const language = { variables: version === "2012-10-17", resource };
  const statements = Array.isArray(list)
    ? list.map((entry, index) => parseStatement(entry, ["Statement", index], language))
    : [parseStatement(list, ["Statement"], language)];
  if (statements.length === 0) throw new InvalidPolicy(["Statement"], "must not be empty");
  refuseRepeatedIds(list);
  return { statements };
}

interface Language {
  readonly variables: boolean;
  /** Undefined: the policy belongs to a key. */
  readonly resource: PolicyResource | undefined;
}

const everywhere: Choice = { kind: "only", patterns: [[{ kind: "any" }]] };

function parseStatement(value: unknown, path: Path, { variables, resource }: Language): Statement {
  const found = fields(value, path, {
    required: resource === undefined ? ["Effect"] : ["Effect", "Principal"],
    optional: ["Sid", "Action", "NotAction", "Resource", "NotResource", "Condition"],
  });
  const { Sid: sid = "", Effect: effect, Condition: condition = {} } = found;
  if (typeof sid !== "string" || !/^[A-Za-z0-9]*$/.test(sid))
    throw new InvalidPolicy([...path, "Sid"], "must be letters and digits");
  if (effect !== "Allow" && effect !== "Deny")
    throw new InvalidPolicy([...path, "Effect"], "must be Allow or Deny");
  const needsResource =
    resource === undefined || found["Resource"] !== undefined || found["NotResource"] !== undefined;
  const statement: Statement = {
    effect,
    principals: resource && parsePrincipals(found["Principal"], [...path, "Principal"]),
    actions: parseChoice(found, "Action", {
      path,
      parse: (text) => (actionForm.test(text) ? parsePattern(text, wildcardsOnly) : undefined),
      allowed: 'SERVICE:ACTION, such as "rds:DescribeIntegrations", or "*"',
    }),
    resources: needsResource ? parseResources(found, path, variables && resource === undefined) : everywhere,
    conditions: parseConditions(condition, [...path, "Condition"], variables),
  };
  if (resource === undefined) return statement;
  refuseIdle(statement, path, resource);
  return { ...statement, resources: everywhere };
}

function parseResources(found: Fields, path: Path, variables: boolean): Choice {
  return parseChoice(found, "Resource", {
    path,
    parse: (text) =>
      text === "*" || text.startsWith("arn:")
        ? parsePattern(text, { wildcards: true, variables })
        : undefined,
    allowed: 'an ARN, in which "*" and "?" may stand, or "*"',
  });
}

/** A statement that applies to nothing here would only look like a rule. */
function refuseIdle(statement: Statement, path: Path, { names, actions }: PolicyResource): void {
  const context = new Map();
  if (!actions.some((action) => isOnAction(statement, [action], context)))
    throw new InvalidPolicy(path, `must be about ${actions.join(" or ")}, which a policy here decides about`);
  if (!isOnResource(statement, names, context))
    throw new InvalidPolicy(path, `must be about ${names[0]}: leave Resource out`);
}

const principalParsers: Readonly<Record<string, (text: string) => PrincipalName | undefined>> = {
  AWS: parseAwsPrincipal,
  Service: parseServicePrincipal,
};

/** `"*"`, or accounts, users and services by kind. */
function parsePrincipals(value: unknown, path: Path): PrincipalName[] {
  if (value === "*") return [{ kind: "anyone" }];
  const byKind = Object.entries(
    fields(value, path, { required: [], optional: Object.keys(principalParsers) }),
  );
  if (byKind.length === 0) throw new InvalidPolicy(path, "must not be empty");
  return byKind.flatMap(([kind, texts]) =>
    textsOf(texts, [...path, kind]).map((text) => {
      const name = principalParsers[kind]?.(text);
      if (name !== undefined) return name;
      throw new InvalidPolicy(
        [...path, kind],
        `has ${JSON.stringify(text)}, which must be ${principalForms}`,
      );
    }),
  );
}

const principalForms =
  'the number of an account, the ARN of a user, role or root of one, or "*"; a service stands under "Service", such as "redshift.amazonaws.com"';

const actionForm = /^(?:\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$/;
const wildcardsOnly = { wildcards: true, variables: false } as const;

interface ChoiceRules {
  readonly path: Path;
  readonly parse: (text: string) => Pattern | undefined;
  readonly allowed: string;
}

/** Exactly one of `Name` and `NotName`. */
function parseChoice(found: Fields, name: string, { path, parse, allowed }: ChoiceRules): Choice {
  const opposite = `Not${name}`;
  if ((found[name] === undefined) === (found[opposite] === undefined))
    throw new InvalidPolicy(path, `must have either ${name} or ${opposite}`);
  const kind = found[name] === undefined ? "all-but" : "only";
  const at = [...path, kind === "only" ? name : opposite];
  const patterns = textsOf(found[name] ?? found[opposite], at).map((text) => {
    const pattern = parse(text);
    if (pattern === undefined)
      throw new InvalidPolicy(at, `has ${JSON.stringify(text)}, which must be ${allowed}`);
    return pattern;
  });
  return { kind, patterns };
}

function parseConditions(value: unknown, path: Path, variables: boolean): Condition[] {
  return Object.entries(mapping(value, path)).flatMap(([operator, keys]) => {
    const makeCondition = parseOperator(operator);
    if (makeCondition === undefined)
      throw new InvalidPolicy([...path, operator], "is not a condition operator that is supported");
    return Object.entries(mapping(keys, [...path, operator])).map(([key, texts]) => {
      const at = [...path, operator, key];
      if (!/^[A-Za-z0-9-]+:./.test(key))
        throw new InvalidPolicy(at, "is not the name of a condition key, such as aws:ResourceTag/team");
      const condition = makeCondition({ key, wanted: textsOf(texts, at), variables });
      if (condition.kind === "wrong")
        throw new InvalidPolicy(at, `has ${JSON.stringify(condition.value)}, which ${operator} cannot take`);
      return condition;
    });
  });
}

function refuseRepeatedIds(list: unknown): void {
  if (!Array.isArray(list)) return;
  const ids = list.map((entry) => (entry as { Sid?: string }).Sid ?? "");
  const repeated = ids.findIndex((id, index) => id !== "" && ids.indexOf(id) < index);
  if (repeated >= 0) throw new InvalidPolicy(["Statement", repeated, "Sid"], "is used twice");
}

type Fields = Readonly<Record<string, unknown>>;

interface FieldNames {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

/** A mapping that has every required field and no unknown field. */
function fields(value: unknown, path: Path, { required, optional }: FieldNames): Fields {
  const found = mapping(value, path);
  const known = [...required, ...optional];
  const unknown = Object.keys(found).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new InvalidPolicy([...path, unknown], `is not allowed here; known are ${known.join(", ")}`);
  const missing = required.find((key) => found[key] === undefined);
  if (missing !== undefined) throw new InvalidPolicy(path, `must have ${missing}`);
  return found;
}

function mapping(value: unknown, path: Path): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new InvalidPolicy(path, "must be a mapping");
  return value as Fields;
}

/** One text or several; numbers and booleans are accepted as written. */
function textsOf(value: unknown, path: Path): string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw new InvalidPolicy(path, "must not be empty");
  return list.map((entry) => {
    if (typeof entry === "string" || typeof entry === "number" || typeof entry === "boolean")
      return String(entry);
    throw new InvalidPolicy(path, "must be a text or a list of texts");
  });
}

function labelOf(path: Path): string {
  if (path.length === 0) return "The policy";
  const steps = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`));
  return steps.join("").replace(/^\./, "");
}
