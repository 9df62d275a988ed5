import { guardedSizeMax } from "../instance/reader-guards.ts";

/** What is known about an argument of a function. */
export interface Argument {
  /** Upper bound of its value's size in bytes. */
  readonly size: number;
  /** Its value, if it is written in the statement. */
  readonly constant: unknown;
}

type Growth = (args: readonly Argument[], sum: number) => number;

const overhead = 8;
const sizeOf = (argument: Argument | undefined): number => argument?.size ?? 0;
const times =
  (factor: number): Growth =>
  (_args, sum) =>
    sum * factor;
const plainly: Growth = () => overhead;
const guardedText: Growth = () => guardedSizeMax;

/** Elements of a list take at least this many bytes. */
export const elementSize = 8;

const series: Growth = (args) => {
  const numbers = args.map(({ constant }) => constant);
  const [first = 0, second = 0] = numbers.map(Number);
  const isKnown = numbers.every((value) => typeof value === "number");
  const count = isKnown ? Math.abs(args.length === 1 ? first : second - first) + 1 : guardedSizeMax;
  return Math.min(count, guardedSizeMax) * elementSize;
};

const replacing: Growth = ([text, from, to]) => {
  const known = typeof from?.constant === "string" ? Math.max(1, from.constant.length) : 1;
  return sizeOf(text) * Math.max(1, sizeOf(to) / known);
};

/** With options every match may be replaced, by a text that repeats the match. */
const replacingMatches: Growth = ([text, _pattern, to, options]) => {
  const repeats = typeof to?.constant === "string" ? (to.constant.match(/\\\d/g)?.length ?? 0) : sizeOf(to);
  if (options === undefined) return sizeOf(text) * (1 + repeats) + sizeOf(to);
  return sizeOf(text) * Math.max(1, sizeOf(to) + repeats);
};

const formatting: Growth = ([format, ...values]) => {
  const fields = typeof format?.constant === "string" ? (format.constant.match(/[{%]/g)?.length ?? 0) : 0;
  return sizeOf(format) + fields * (32 + Math.max(0, ...values.map(sizeOf)));
};

const joining: Growth = ([list, separator]) => sizeOf(list) * (1 + sizeOf(separator));

const growths: ReadonlyMap<string, Growth> = new Map<string, Growth>([
  ...["bin", "to_binary", "json_pretty", "json_structure", "json_group_structure"].map(
    (name) => [name, times(8)] as const,
  ),
  ...["hex", "to_hex", "url_encode", "regexp_escape", "json_quote", "to_json", "array_to_json"].map(
    (name) => [name, times(3)] as const,
  ),
  ...["row_to_json", "json_object", "json_array", "json", "json_merge_patch", "base64", "to_base64"].map(
    (name) => [name, times(2)] as const,
  ),
  ...["split", "str_split", "string_split", "string_to_array", "str_split_regex", "string_split_regex"].map(
    (name) => [name, times(16)] as const,
  ),
  ...["regexp_extract_all", "regexp_split_to_array", "strftime", "list_zip", "array_zip"].map(
    (name) => [name, times(16)] as const,
  ),
  ...["length", "len", "strlen", "count", "md5", "sha256", "hash", "sum", "min", "max"].map(
    (name) => [name, plainly] as const,
  ),
  ...["repeat", "lpad", "rpad", "bar", "to_base"].map((name) => [name, guardedText] as const),
  ...["list_resize", "array_resize"].map(
    (name) =>
      [name, (_args: readonly Argument[], sum: number) => sum + guardedSizeMax * elementSize] as const,
  ),
  ["range", series],
  ["generate_series", series],
  ["replace", replacing],
  ["regexp_replace", replacingMatches],
  ["format", formatting],
  ["printf", formatting],
  ["array_to_string", joining],
  ["list_string_agg", joining],
  ["list_aggregate", (args, sum) => sum * (1 + sizeOf(args[2]))],
]);

/** Upper bound of the size of a function's result: most functions return no more than the sum of their arguments. */
export function grown(name: string, args: readonly Argument[]): number {
  const sum = args.reduce((total, { size }) => total + size, overhead);
  return growths.get(name)?.(args, sum) ?? sum;
}
