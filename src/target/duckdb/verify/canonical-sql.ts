import { fieldBytesMax } from "../../../model/replication/digest.ts";
import type { LogicalKind, LogicalType } from "../../../model/replication/logical-type.ts";

/**
 * The canonical text (model/digest.ts) of a value as an expression that DuckDB computes from the stored value; NULL for
 * NULL. Wrong only for floats whose text `hasExponent`: there JavaScript uses another notation.
 */
export function canonicalOf(type: LogicalType, value: string): string {
  return expressions[type.kind](value, type);
}

/** Whether DuckDB writes a float with an exponent; undefined for other types. Never NULL. */
export function hasExponent(type: LogicalType, value: string): string | undefined {
  if (!isFloat(type)) return undefined;
  return `coalesce(isfinite(${value}) AND contains(${text(double(value))}, 'e'), false)`;
}

/** The input of `fieldOf`: the canonical text, but bytes unchanged. */
export function comparedOf(type: LogicalType, value: string): string {
  return type.kind === "bytes" ? value : canonicalOf(type, value);
}

/** The field for the result of `comparedOf` (model/digest.ts); NULL for NULL. */
export function fieldOf({ kind }: LogicalType, compared: string): string {
  const length = kind === "bytes" ? `octet_length(${compared}) * 2` : `strlen(${compared})`;
  const whole = kind === "bytes" ? `lower(hex(${compared}))` : compared;
  const shown = mayBeLong.has(kind) ? `if(${length} > ${fieldBytesMax}, md5(${compared}), ${whole})` : whole;
  return `${length} || ':' || ${shown}`;
}

/** A float as DOUBLE, to be printed by JavaScript. */
export function doubleOf(type: LogicalType, value: string): string | undefined {
  return isFloat(type) ? double(value) : undefined;
}

const mayBeLong: ReadonlySet<LogicalKind> = new Set(["text", "json", "bytes"]);

function isFloat(type: LogicalType): boolean {
  return type.kind === "float32" || type.kind === "float64";
}

function double(value: string): string {
  return `CAST(${value} AS DOUBLE)`;
}

type Expression = (value: string, type: LogicalType) => string;

const itself: Expression = (value) => text(value);
/** Both print the shortest digits that identify the number; DuckDB adds `.0` to whole numbers. */
const number: Expression = (value) =>
  `CASE WHEN isnan(${value}) THEN 'NaN' WHEN isinf(${value}) THEN if(${value} > 0, 'Infinity', '-Infinity')
    ELSE regexp_replace(${text(double(value))}, '[.]0$', '') END`;
const microseconds: Expression = (value) => finite(value, `epoch_us(${value})`);

const expressions: Record<LogicalKind, Expression> = {
  boolean: (value) => `CASE WHEN ${value} THEN 't' WHEN NOT ${value} THEN 'f' END`,
  int16: itself,
  int32: itself,
  int64: itself,
  uint32: itself,
  float32: number,
  float64: number,
  // DuckDB prints no digit before the point if all digits are decimals.
  decimal: (value, type) =>
    type.kind === "decimal" && type.scale === type.precision
      ? `regexp_replace(${text(value)}, '^(-?)[.]', '\\10.')`
      : text(value),
  text: itself,
  json: itself,
  bytes: (value) => `lower(hex(${value}))`,
  uuid: itself,
  date: (value) => finite(value, `${value} - DATE '1970-01-01'`),
  time: (value) => text(`epoch_us(${value})`),
  timetz: (value) =>
    `${text(`epoch_us(CAST(${value} AS TIME))`)} || '/' || ${text(`date_part('timezone', ${value})`)}`,
  timestamp: microseconds,
  timestamptz: microseconds,
  interval: (value) =>
    ["year * 12 + month", "day", "hour * 3600000000 + minute * 60000000 + microsecond"]
      .map((sum) => text(sum.replaceAll(/[a-z]+/g, (part) => `date_part('${part}', ${value})`)))
      .join(" || '/' || "),
};

function text(expression: string): string {
  return `CAST(${expression} AS VARCHAR)`;
}

function finite(value: string, amount: string): string {
  return `CASE WHEN ${value} IS NULL THEN NULL WHEN isfinite(${value}) THEN ${text(amount)}
    WHEN ${value} > '1970-01-01' THEN 'infinity' ELSE '-infinity' END`;
}
