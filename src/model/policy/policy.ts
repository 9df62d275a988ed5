import { holds, type Condition } from "./condition.ts";
import { matches, matchesIgnoringCase, type AccessContext, type Pattern } from "./pattern.ts";
import { includes, type Principal, type PrincipalName } from "./principal.ts";

/** A parsed IAM policy document (`document.ts`). */
export interface Policy {
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly effect: "Allow" | "Deny";
  /** In a resource policy: the principals it is about. In a key's policy, which is about the key: undefined. */
  readonly principals: readonly PrincipalName[] | undefined;
  readonly actions: Choice;
  readonly resources: Choice;
  /** All must hold. */
  readonly conditions: readonly Condition[];
}

/** A name matches when one of the patterns does, or, for `NotAction` and `NotResource`, when none of them does. */
export interface Choice {
  readonly kind: "only" | "all-but";
  readonly patterns: readonly Pattern[];
}

export interface AccessRequest {
  /** Such as `rds:CreateIntegration`. */
  readonly action: string;
  /**
   * Equivalent AWS actions: a caller that is denied one of those is denied this one. They allow nothing by themselves.
   */
  readonly amountsTo?: readonly string[] | undefined;
  /** An ARN; where none exists yet or all are meant, one that ends with `*`. */
  readonly resource: string;
  /** Other ARNs of the same resource. */
  readonly alsoNamed?: readonly string[] | undefined;
  readonly context: AccessContext;
  /** The caller; a key's policy ignores it. */
  readonly principal?: Principal | undefined;
}

/** `denied`: a statement denies it. `not-allowed`: no statement allows it. */
export type Decision = "allowed" | "denied" | "not-allowed";

/** An explicit deny overrides any allow. What no statement allows is not allowed. */
export function decide({ statements }: Policy, request: AccessRequest): Decision {
  const effects = statements.filter((statement) => applies(statement, request)).map(({ effect }) => effect);
  if (effects.includes("Deny")) return "denied";
  return effects.includes("Allow") ? "allowed" : "not-allowed";
}

function applies(statement: Statement, request: AccessRequest): boolean {
  const { action, amountsTo = [], resource, alsoNamed = [], context, principal } = request;
  return (
    (statement.principals === undefined || includes(statement.principals, principal)) &&
    isOnAction(statement, [action, ...amountsTo], context) &&
    isOnResource(statement, [resource, ...alsoNamed], context) &&
    statement.conditions.every((condition) => holds(condition, context))
  );
}

/** `names`: the action's own name, then those of the equivalent actions. */
export function isOnAction(
  { effect, actions }: Statement,
  names: readonly string[],
  context: AccessContext,
): boolean {
  const counted = effect === "Allow" && actions.kind === "only" ? names.slice(0, 1) : names;
  return chooses(actions, counted, (pattern, name) => matchesIgnoringCase(pattern, name, context));
}

/** `names`: all ARNs of one resource. */
export function isOnResource(
  { resources }: Statement,
  names: readonly string[],
  context: AccessContext,
): boolean {
  return chooses(resources, names, (pattern, name) => matches(pattern, name, context));
}

function chooses(
  { kind, patterns }: Choice,
  names: readonly string[],
  matchesOne: (pattern: Pattern, name: string) => boolean,
): boolean {
  const isNamed = names.some((name) => patterns.some((pattern) => matchesOne(pattern, name)));
  return isNamed === (kind === "only");
}
