import { holds, type Condition } from "./policy-condition.ts";
import { matches, matchesIgnoringCase, type AccessContext, type Pattern } from "./policy-pattern.ts";
import { includes, type Principal, type PrincipalName } from "./policy-principal.ts";

/** A policy document in IAM's language, parsed (`policy-document.ts`). */
export interface Policy {
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly effect: "Allow" | "Deny";
  /** In the policy of a resource: whom it is about. In the policy of a key, which is about the key: undefined. */
  readonly principals: readonly PrincipalName[] | undefined;
  readonly actions: Choice;
  readonly resources: Choice;
  /** All must hold. */
  readonly conditions: readonly Condition[];
}

/** What one of the patterns matches, or, for `NotAction` and `NotResource`, what none of them does. */
export interface Choice {
  readonly kind: "only" | "all-but";
  readonly patterns: readonly Pattern[];
}

export interface AccessRequest {
  /** Such as `rds:CreateIntegration`. */
  readonly action: string;
  /** An ARN; where none exists yet or all are meant, one that ends with `*`. */
  readonly resource: string;
  readonly context: AccessContext;
  /** Who asks; the policy of a key does not look at it. */
  readonly principal?: Principal | undefined;
}

/** `denied`: a statement says so. `not-allowed`: none says otherwise. */
export type Decision = "allowed" | "denied" | "not-allowed";

/** An explicit deny wins over any allow; what no statement allows is not allowed. */
export function decide({ statements }: Policy, request: AccessRequest): Decision {
  const effects = statements.filter((statement) => applies(statement, request)).map(({ effect }) => effect);
  if (effects.includes("Deny")) return "denied";
  return effects.includes("Allow") ? "allowed" : "not-allowed";
}

function applies(statement: Statement, { action, resource, context, principal }: AccessRequest): boolean {
  return (
    (statement.principals === undefined || includes(statement.principals, principal)) &&
    isOnAction(statement, action, context) &&
    isOnResource(statement, resource, context) &&
    statement.conditions.every((condition) => holds(condition, context))
  );
}

export function isOnAction({ actions }: Statement, action: string, context: AccessContext): boolean {
  return chooses(actions, (pattern) => matchesIgnoringCase(pattern, action, context));
}

export function isOnResource({ resources }: Statement, resource: string, context: AccessContext): boolean {
  return chooses(resources, (pattern) => matches(pattern, resource, context));
}

function chooses({ kind, patterns }: Choice, matchesOne: (pattern: Pattern) => boolean): boolean {
  return patterns.some(matchesOne) === (kind === "only");
}
