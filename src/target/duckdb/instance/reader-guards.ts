import type { Session } from "./session.ts";

/** Where the guards are: in the search path of readers only. */
export const guardSchema = "memory.zeroetl_guards";

// DuckDB computes 2,048 rows at once and cannot be interrupted meanwhile: a value of each row must fit in memory.
export const guardedSizeMax = 4096;

/** 256 by 256 characters. */
const comparisonsMax = 65_536;

const real = (name: string): string => `system.main.${name}`;

/** The expression `value`, or an error if the requested size exceeds the limit. */
function bounded(name: string, value: string, size = value): string {
  return `CASE WHEN ${size} > ${guardedSizeMax} THEN error('${name}: a result longer than ${guardedSizeMax} is not possible here') ELSE ${value} END`;
}

function repeating(): string {
  const ofType = (type: string, length: string): string =>
    `(s ${type}, n BIGINT) AS ${real("repeat")}(s, ${bounded("repeat", "n", `n::HUGEINT * ${length}`)})`;
  return `repeat${ofType("VARCHAR", "strlen(s)")}, ${ofType("BLOB", "octet_length(s)")}`;
}

function padding(name: string): string {
  return `${name}(s, n, p) AS ${real(name)}(s, ${bounded(name, "n")}, p)`;
}

function resizing(name: string): string {
  const n = bounded(name, "n");
  return `${name}(l, n) AS ${real(name)}(l, ${n}), (l, n, v) AS ${real(name)}(l, ${n}, v)`;
}

function series(name: string): string {
  const numbers = "abs(b::HUGEINT - a::HUGEINT)";
  const times = "abs(epoch_us(b)::HUGEINT - epoch_us(a)::HUGEINT)";
  const ofTimes = (type: string): string =>
    `(a ${type}, b ${type}, c INTERVAL) AS ${real(name)}(a, ${bounded(name, "b", `${times} // greatest(1, abs(epoch_us(c)::HUGEINT))`)}, c)`;
  return [
    `${name}(b BIGINT) AS ${real(name)}(${bounded(name, "b")})`,
    `(a BIGINT, b BIGINT) AS ${real(name)}(a, ${bounded(name, "b", numbers)})`,
    `(a BIGINT, b BIGINT, c BIGINT) AS ${real(name)}(a, ${bounded(name, "b", `${numbers} // greatest(1, abs(c::HUGEINT))`)}, c)`,
    ofTimes("TIMESTAMP"),
    ofTimes("TIMESTAMPTZ"),
  ].join(", ");
}

/** Functions that compare each character with every other. */
function comparing(name: string): string {
  const within = (call: string): string =>
    `CASE WHEN strlen(a)::BIGINT * strlen(b) > ${comparisonsMax} THEN error('${name}: the texts are too long to be compared') ELSE ${real(name)}(${call}) END`;
  return name.startsWith("jaro")
    ? `${name}(a, b) AS ${within("a, b")}, (a, b, c) AS ${within("a, b, c")}`
    : `${name}(a, b) AS ${within("a, b")}`;
}

const guards = [
  repeating(),
  padding("lpad"),
  padding("rpad"),
  resizing("list_resize"),
  resizing("array_resize"),
  series("range"),
  series("generate_series"),
  ...["damerau_levenshtein", "editdist3", "jaro_similarity", "jaro_winkler_similarity", "levenshtein"].map(
    comparing,
  ),
  `bar(x, l, h) AS ${real("bar")}(x, l, h), (x, l, h, w) AS ${real("bar")}(x, l, h, ${bounded("bar", "w")})`,
  `to_base(n, r) AS ${real("to_base")}(n, r), (n, r, w) AS ${real("to_base")}(n, r, ${bounded("to_base", "w")})`,
];

/**
 * Creates the guards: macros with the names of functions that could create a huge value from a few characters, or
 * compute for minutes, which DuckDB would do in one uninterruptible step outside its memory limit. They call the
 * function within bounds.
 */
export async function makeGuards(session: Session): Promise<void> {
  await session.run(`CREATE SCHEMA ${guardSchema}`);
  for (const guard of guards) await session.run(`CREATE MACRO ${guardSchema}.${guard}`);
}
