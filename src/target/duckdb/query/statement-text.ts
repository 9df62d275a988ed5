import { CodedError } from "../../../base/errors.ts";

/** For longer statements, parsing costs DuckDB more than reading them is worth. */
export const statementLengthMax = 262_144;

// What may contain comment markers without being a comment: strings ('…', E'…', $tag$…$tag$) and quoted names.
const token =
  /(?<comment>--[^\n]*|\/\*)|[eE]'(?:[^'\\]|\\[^]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?<tag>[A-Za-z_]\w*)?\$|[^'"$/eE-]+|[^]/y;

/**
 * The statement without comments and without trailing semicolons, so that it can be nested in another one. Comments
 * become spaces: positions in messages stay correct.
 */
export function tidyStatement(sql: string): string {
  if (sql.length > statementLengthMax)
    throw new CodedError(
      "QUERY_FAILED",
      `The statement has ${sql.length} characters; at most ${statementLengthMax} are allowed.`,
    );
  const parts: string[] = [];
  for (let at = 0; at < sql.length;) {
    token.lastIndex = at;
    const match = token.exec(sql);
    const text = match?.[0] ?? "";
    const end = match?.groups === undefined ? at + text.length : endOf(sql, match, at);
    const whole = sql.slice(at, end);
    parts.push(match?.groups?.["comment"] === undefined ? whole : whole.replaceAll(/[^\n]/g, " "));
    at = end;
  }
  return withoutEnd(parts.join(""));
}

function endOf(sql: string, match: RegExpExecArray, at: number): number {
  const [text] = match;
  if (text === "/*") return endOfBlockComment(sql, at);
  if (!text.startsWith("$")) return at + text.length;
  const close = sql.indexOf(text, at + text.length);
  return close < 0 ? at + text.length : close + text.length;
}

/** Block comments nest, as in PostgreSQL. */
function endOfBlockComment(sql: string, start: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start;
  let depth = 0;
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    depth += mark[0] === "/*" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return sql.length;
}

function withoutEnd(sql: string): string {
  let end = sql.length;
  while (end > 0 && /[\s;]/.test(sql.charAt(end - 1))) end -= 1;
  return sql.slice(0, end);
}

const explainHead = /^\s*EXPLAIN(?=[\s(])(?:\s+(?<analyze>ANALYZE)\b)?(?:\s*\((?<options>[^()]*)\))?/i;
const explainOption = /^\s*(?:(?<analyze>ANALYZE)(?:\s+TRUE)?|FORMAT\s+(?<format>TEXT|JSON))\s*$/i;

/** The parts of an EXPLAIN; `head` is rebuilt from the options that are known. */
export interface Explained {
  readonly head: string;
  readonly query: string;
}

/** Undefined for any other statement. */
export function explainedBy(sql: string): Explained | undefined {
  const match = explainHead.exec(sql);
  if (match === null) return undefined;
  const { analyze, options } = match.groups ?? {};
  const parsed = options?.split(",").map((option) => explainOption.exec(option)?.groups);
  // The parentheses may contain the query itself.
  const areOptions = parsed?.every((option) => option !== undefined) ?? true;
  const words = areOptions ? (parsed ?? []) : [];
  const isAnalyze = analyze !== undefined || words.some((option) => option?.["analyze"] !== undefined);
  const format = words.find((option) => option?.["format"] !== undefined)?.["format"];
  const end = areOptions ? match[0].length : sql.indexOf("(", match.index);
  return {
    head: `EXPLAIN ${isAnalyze ? "ANALYZE " : ""}${format === undefined ? "" : `(FORMAT ${format}) `}`,
    query: sql.slice(end),
  };
}
