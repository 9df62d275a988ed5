/**
 * The facts about a request: names of condition keys in lower case, with their values. A key without a value is absent.
 */
export type AccessContext = ReadonlyMap<string, readonly string[]>;

/** A text of a policy: `*`, `?` and `${variables}` where they are special, and literal characters. */
export type Pattern = readonly Token[];

type Token =
  | { readonly kind: "character"; readonly character: string }
  /** Any characters, or none. */
  | { readonly kind: "any" }
  | { readonly kind: "one" }
  /** The value of a condition key that has exactly one; its characters are literal. */
  | { readonly kind: "variable"; readonly key: string; readonly fallback: string | undefined };

export interface PatternSyntax {
  readonly wildcards: boolean;
  /** Since version 2012-10-17 of the language. */
  readonly variables: boolean;
}

const variable = /\$\{([^}']+)(?:,\s*'([^']*)')?\}/y;
/** Inside a variable's braces, these are literal. */
const escapes = ["*", "?", "$"];

/** A `${` that begins no variable is literal, as at AWS. */
export function parsePattern(text: string, { wildcards, variables }: PatternSyntax): Pattern {
  const tokens: Token[] = [];
  let rest = 0;
  while (rest < text.length) {
    variable.lastIndex = rest;
    const [found, name = "", fallback] = (variables ? variable.exec(text) : null) ?? [];
    if (found === undefined) {
      const character = String.fromCodePoint(text.codePointAt(rest) ?? 0);
      tokens.push(wildcards ? tokenOf(character) : { kind: "character", character });
      rest += character.length;
      continue;
    }
    const key = name.trim().toLowerCase();
    tokens.push(escapes.includes(key) ? { kind: "character", character: key } : variableOf(key, fallback));
    rest += found.length;
  }
  return tokens;
}

function tokenOf(character: string): Token {
  if (character === "*") return { kind: "any" };
  return character === "?" ? { kind: "one" } : { kind: "character", character };
}

function variableOf(key: string, fallback: string | undefined): Token {
  return { kind: "variable", key, fallback };
}

/**
 * Whether the whole text matches, in time of at most length × length. A pattern with a variable that has no value
 * matches nothing.
 */
export function matches(pattern: Pattern, text: string, context: AccessContext): boolean {
  const tokens = expanded(pattern, context);
  return tokens !== undefined && matchesTokens(tokens, Array.from(text));
}

/** Like `matches`, but case-insensitive. */
export function matchesIgnoringCase(pattern: Pattern, text: string, context: AccessContext): boolean {
  const tokens = expanded(pattern, context)?.map((token): Token =>
    token.kind === "character" ? { ...token, character: token.character.toLowerCase() } : token,
  );
  return tokens !== undefined && matchesTokens(tokens, Array.from(text.toLowerCase()));
}

/** An ARN's parts: the sixth contains all remaining colons. */
const arnParts = 6;

/** Whether an ARN matches part by part: here a wildcard does not match the colons between parts. */
export function matchesArn(pattern: Pattern, arn: string, context: AccessContext): boolean {
  const tokens = expanded(pattern, context);
  if (tokens === undefined) return false;
  const [first] = tokens;
  if (tokens.length === 1 && first?.kind === "any") return true;
  const wanted = splitAtColons(tokens, (token) => token.kind === "character" && token.character === ":");
  const parts = splitAtColons(Array.from(arn), (character) => character === ":");
  if (wanted.length < arnParts || parts.length < arnParts) return false;
  return wanted.every((part, index) => matchesTokens(part, parts[index] ?? []));
}

/** Whether `matchesArn` can ever be true. */
export function isArnPattern(pattern: Pattern): boolean {
  if (pattern.some(({ kind }) => kind === "variable")) return true;
  const colons = pattern.filter((token) => token.kind === "character" && token.character === ":");
  return (pattern.length === 1 && pattern[0]?.kind === "any") || colons.length >= arnParts - 1;
}

function splitAtColons<T>(items: readonly T[], isColon: (item: T) => boolean): T[][] {
  const parts: T[][] = [[]];
  for (const item of items)
    if (isColon(item) && parts.length < arnParts) parts.push([]);
    else parts.at(-1)?.push(item);
  return parts;
}

/** With variables replaced; undefined when one of them has no value. */
function expanded(pattern: Pattern, context: AccessContext): readonly Token[] | undefined {
  if (!pattern.some(({ kind }) => kind === "variable")) return pattern;
  const tokens: Token[] = [];
  for (const token of pattern)
    if (token.kind === "variable") {
      const values = context.get(token.key) ?? [];
      const value = values.length === 1 ? values[0] : token.fallback;
      if (value === undefined) return undefined;
      tokens.push(...Array.from(value, (character) => ({ kind: "character", character }) as const));
    } else tokens.push(token);
  return tokens;
}

/** Backtracks to the last star only: whatever an earlier star could match, the last one can match too. */
function matchesTokens(tokens: readonly Token[], text: readonly string[]): boolean {
  let at = 0;
  let star: { readonly token: number; text: number } | undefined;
  let position = 0;
  while (position < text.length) {
    const token = tokens[at];
    if (token?.kind === "any") {
      star = { token: at, text: position };
      at += 1;
    } else if (token !== undefined && takes(token, text[position])) {
      at += 1;
      position += 1;
    } else if (star === undefined) return false;
    else {
      star.text += 1;
      at = star.token + 1;
      position = star.text;
    }
  }
  return tokens.slice(at).every(({ kind }) => kind === "any");
}

function takes(token: Token, character: string | undefined): boolean {
  return token.kind === "one" || (token.kind === "character" && token.character === character);
}
