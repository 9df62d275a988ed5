import {
  isArnPattern,
  matches,
  matchesArn,
  matchesIgnoringCase,
  parsePattern,
  type AccessContext,
  type Pattern,
} from "./pattern.ts";

/** One operator applied to one condition key. */
export type Condition =
  | {
      readonly kind: "null";
      /** In lower case. */
      readonly key: string;
      /** The accepted states of the key: absent, present. */
      readonly absent: readonly boolean[];
    }
  | {
      readonly kind: "compare";
      readonly key: string;
      readonly quantifier: Quantifier;
      readonly isNegated: boolean;
      readonly ifExists: boolean;
      /** A value of the request passes when one of these passes; if negated, when none does. */
      readonly tests: readonly Test[];
    };

/** `one`: no quantifier was written, and the key is assumed to have one value. */
type Quantifier = "one" | "all" | "any";

type Test = (value: string, context: AccessContext) => boolean;

/** Creates the test for a value of the policy; undefined when the operator does not accept the value. */
type MakeTest = (wanted: string, variables: boolean) => Test | undefined;

interface Operator {
  readonly makeTest: MakeTest;
  readonly isNegated: boolean;
}

type TextMatch = (pattern: Pattern, value: string, context: AccessContext) => boolean;

function textTest(match: TextMatch, wildcards: boolean): MakeTest {
  return (wanted, variables) => {
    const pattern = parsePattern(wanted, { wildcards, variables });
    return (value, context) => match(pattern, value, context);
  };
}

const arnTest: MakeTest = (wanted, variables) => {
  const pattern = parsePattern(wanted, { wildcards: true, variables });
  return isArnPattern(pattern) ? (value, context) => matchesArn(pattern, value, context) : undefined;
};

const boolTest: MakeTest = (wanted) => {
  const bool = wanted.toLowerCase();
  return bool === "true" || bool === "false" ? (value) => value.toLowerCase() === bool : undefined;
};

type Compare = (value: number, wanted: number) => boolean;

function orderTest(read: (text: string) => number | undefined, compare: Compare): MakeTest {
  return (text) => {
    const wanted = read(text);
    if (wanted === undefined) return undefined;
    return (given) => {
      const value = read(given);
      return value !== undefined && compare(value, wanted);
    };
  };
}

function readNumber(text: string): number | undefined {
  return /^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : undefined;
}

const date = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d))?$/;

/** Milliseconds, from ISO 8601 or from seconds since 1970. */
function readDate(text: string): number | undefined {
  const ms = /^\d{1,11}$/.test(text) ? Number(text) * 1_000 : date.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

const plain = (makeTest: MakeTest): Operator => ({ makeTest, isNegated: false });
const negated = (makeTest: MakeTest): Operator => ({ makeTest, isNegated: true });

function ordered(prefix: string, read: (text: string) => number | undefined): Record<string, Operator> {
  return {
    [`${prefix}Equals`]: plain(orderTest(read, (value, wanted) => value === wanted)),
    [`${prefix}NotEquals`]: negated(orderTest(read, (value, wanted) => value === wanted)),
    [`${prefix}LessThan`]: plain(orderTest(read, (value, wanted) => value < wanted)),
    [`${prefix}LessThanEquals`]: plain(orderTest(read, (value, wanted) => value <= wanted)),
    [`${prefix}GreaterThan`]: plain(orderTest(read, (value, wanted) => value > wanted)),
    [`${prefix}GreaterThanEquals`]: plain(orderTest(read, (value, wanted) => value >= wanted)),
  };
}

/**
 * By name, except `Null`. An operator that is not listed is refused: an unchecked condition would be a security hole.
 */
const operators: Readonly<Record<string, Operator>> = {
  StringEquals: plain(textTest(matches, false)),
  StringNotEquals: negated(textTest(matches, false)),
  StringEqualsIgnoreCase: plain(textTest(matchesIgnoringCase, false)),
  StringNotEqualsIgnoreCase: negated(textTest(matchesIgnoringCase, false)),
  StringLike: plain(textTest(matches, true)),
  StringNotLike: negated(textTest(matches, true)),
  // Both of each pair behave the same at AWS.
  ArnEquals: plain(arnTest),
  ArnLike: plain(arnTest),
  ArnNotEquals: negated(arnTest),
  ArnNotLike: negated(arnTest),
  Bool: plain(boolTest),
  ...ordered("Numeric", readNumber),
  ...ordered("Date", readDate),
};

const operatorForm = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/;
const quantifiers: Readonly<Record<string, Quantifier>> = { ForAllValues: "all", ForAnyValue: "any" };

export interface ConditionValues {
  readonly key: string;
  /** At least one. */
  readonly wanted: readonly string[];
  /** Whether `${…}` are variables. */
  readonly variables: boolean;
}

/** Creates a condition. Returns the value that the operator does not accept, if there is one. */
type MakeCondition = (values: ConditionValues) => Condition | { readonly kind: "wrong"; value: string };

/** The meaning of an operator such as `ForAnyValue:StringLikeIfExists`; undefined for an unknown one. */
export function parseOperator(text: string): MakeCondition | undefined {
  if (text === "Null") return nullCondition;
  const [, quantifier = "", name = "", ifExists] = operatorForm.exec(text) ?? [];
  const operator = Object.hasOwn(operators, name) ? operators[name] : undefined;
  if (operator === undefined) return undefined;
  const { makeTest, isNegated } = operator;
  return ({ key, wanted, variables }) => {
    const tests: Test[] = [];
    for (const value of wanted) {
      const test = makeTest(value, variables);
      if (test === undefined) return { kind: "wrong", value };
      tests.push(test);
    }
    return {
      kind: "compare",
      key: key.toLowerCase(),
      quantifier: quantifiers[quantifier] ?? "one",
      isNegated,
      ifExists: ifExists !== undefined,
      tests,
    };
  };
}

const nullCondition: MakeCondition = ({ key, wanted }) => {
  const value = wanted.find((text) => !/^(true|false)$/i.test(text));
  if (value !== undefined) return { kind: "wrong", value };
  return { kind: "null", key: key.toLowerCase(), absent: wanted.map((text) => /^true$/i.test(text)) };
};

/** For an absent key, a negated comparison holds; any other does not, unless it says `IfExists`. */
export function holds(condition: Condition, context: AccessContext): boolean {
  const values = context.get(condition.key) ?? [];
  if (condition.kind === "null") return condition.absent.includes(values.length === 0);
  const { quantifier, isNegated, ifExists, tests } = condition;
  const passes = (value: string): boolean => tests.some((test) => test(value, context)) !== isNegated;
  if (values.length === 0) return ifExists || quantifier === "all" || (quantifier === "one" && isNegated);
  const needsAll = quantifier === "all" || (quantifier === "one" && isNegated);
  return needsAll ? values.every(passes) : values.some(passes);
}
