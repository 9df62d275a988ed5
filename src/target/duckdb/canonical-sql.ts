import type { LogicalKind, LogicalType } from "../../model/logical-type.ts";
import type { ColumnDefinition } from "../../model/relation.ts";
import { quoted } from "./sql-text.ts";

/**
 * An expression for the canonical text (model/digest.ts) of a column, computed by DuckDB from what it holds; NULL for
 * NULL. Floats come as DOUBLE: JavaScript prints them.
 */
export function canonical(column: ColumnDefinition): string {
  return expressions[column.type.kind](quoted(column.name), column.type);
}

type Expression = (value: string, type: LogicalType) => string;

const itself: Expression = (value) => text(value);
const number: Expression = (value) => `CAST(${value} AS DOUBLE)`;
const microseconds: Expression = (value) => finite(value, `epoch_us(${value})`);

const expressions: Record<LogicalKind, Expression> = {
  boolean: (value) => `CASE WHEN ${value} THEN 't' WHEN NOT ${value} THEN 'f' END`,
  int16: itself,
  int32: itself,
  int64: itself,
  uint32: itself,
  float32: number,
  float64: number,
  // DuckDB prints no digit before the point where all digits are decimals.
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
