/*
 * The canonical text of model/digest.ts, computed by PostgreSQL itself from a column: `verify` compares it with the
 * warehouse. Each returns NULL for NULL. Only floats are returned as float8out prints them; the reader converts that to
 * JavaScript's text. They expect the session settings that zeroetl uses (UTC, ISO, postgres, extra_float_digits 1).
 */
import { fieldBytesMax } from "../../../model/replication/digest.ts";

export type Digest = (column: string) => string;

/** For types whose cast to text is their output function. */
export const digestAsText: Digest = (column) => `${column}::text`;

/**
 * The output function's text, also if a cast to text does something else (inet, bpchar), and for types of any
 * extension. Not for composites, for which IS NULL has another meaning.
 */
export const digestAsOutput: Digest = (column) =>
  `CASE WHEN ${column} IS NOT NULL THEN pg_catalog.concat(${column}) END`;

export const digestBoolean: Digest = (column) => `pg_catalog.left(${column}::text, 1)`;

export const digestFloat: Digest = (column) => `${column}::float8::text`;

export const digestMoney: Digest = (column) => `${column}::numeric::text`;

export const digestBytes: Digest = (column) => `pg_catalog.encode(${column}, 'hex')`;

export const digestOid: Digest = (column) => `${column}::oid::text`;

export const digestDate: Digest = (column) =>
  `CASE WHEN pg_catalog.isfinite(${column}) THEN (${column} - DATE '1970-01-01')::text ELSE ${column}::text END`;

export const digestTime: Digest = (column) => micros(`EXTRACT(EPOCH FROM ${column})`);

export const digestTimetz: Digest = (column) =>
  `${micros(`EXTRACT(EPOCH FROM ${column}::time)`)} || '/' || EXTRACT(TIMEZONE FROM ${column})::bigint::text`;

export const digestTimestamp: Digest = (column) =>
  `CASE WHEN pg_catalog.isfinite(${column}) THEN ${micros(`EXTRACT(EPOCH FROM ${column})`)} ELSE ${column}::text END`;

export const digestInterval: Digest = (column) => {
  const months = `EXTRACT(YEAR FROM ${column}) * 12 + EXTRACT(MONTH FROM ${column})`;
  const seconds = `EXTRACT(HOUR FROM ${column}) * 3600 + EXTRACT(MINUTE FROM ${column}) * 60`;
  const time = `(${seconds}) * 1000000 + EXTRACT(MICROSECONDS FROM ${column})`;
  return `(${months})::bigint::text || '/' || EXTRACT(DAY FROM ${column})::bigint::text || '/' || (${time})::bigint::text`;
};

/** EXTRACT returns an exact numeric with six decimals from PostgreSQL 14 on. */
function micros(seconds: string): string {
  return `pg_catalog.trunc(${seconds} * 1000000)::text`;
}

/** The byte of "char": empty for 0, `\ooo` beyond ASCII, which PostgreSQL before 16 printed as a broken character. */
export const digestChar: Digest = (column) => {
  const byte = `(${column}::int + 256)`;
  const octal = `'\\' || (${byte} / 64)::text || (${byte} / 8 % 8)::text || (${byte} % 8)::text`;
  return `CASE WHEN ${column}::int < 0 THEN ${octal} ELSE ${column}::text END`;
};

export const digestJson: Digest = (column) => `pg_catalog.to_json(${column})::text`;

/** Arrays as to_json prints them; if a dimension does not begin at 1, a JSON string of the array's own text. */
export const digestArray: Digest = (column) => digestArrayAs(column, digestJson(column));

/** Like `digestArray`, with an expression for its JSON. */
export function digestArrayAs(column: string, json: string): string {
  const dimensions = [1, 2, 3, 4, 5, 6];
  const begins = dimensions.map((n) => `coalesce(pg_catalog.array_lower(${column}, ${n}), 1) = 1`);
  return `CASE WHEN ${begins.join(" AND ")} THEN ${json} ELSE pg_catalog.to_json(${column}::text)::text END`;
}

/** The field of a canonical text (see `fieldBytesMax`). */
export const textField: Digest = (text) =>
  field(`pg_catalog.octet_length(${text})`, { whole: text, long: text });

/** The field of a bytea. */
export const bytesField: Digest = (bytes) =>
  field(`pg_catalog.octet_length(${bytes}) * 2`, { whole: digestBytes(bytes), long: bytes });

function field(length: string, { whole, long }: { readonly whole: string; readonly long: string }): string {
  return `(${length})::text || ':' || CASE WHEN ${length} > ${fieldBytesMax} THEN pg_catalog.md5(${long}) ELSE ${whole} END`;
}
