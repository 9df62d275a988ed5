import { present } from "../../../base/assert.ts";
import type { PgTypes } from "./type-query.ts";

/** A type with its modifier as PostgreSQL's format_type writes it, such as `timestamp(3) with time zone[]`. */
export function formatType(
  types: PgTypes,
  column: { readonly oid: number; readonly modifier: number },
): string {
  const type = present(types.get(column.oid), "the type of a column has been read");
  const element = types.get(type.elementOid);
  if (element !== undefined && type.name.startsWith("_"))
    return `${formatType(types, { ...column, oid: element.oid })}[]`;
  const modifier = type.schema === "pg_catalog" ? modifiers[type.name]?.(column.modifier) : undefined;
  if (column.modifier < 0 || modifier === undefined) return type.formatted;
  // The modifier of times is in the middle.
  const middle = type.formatted.indexOf(" with");
  const at = middle < 0 ? type.formatted.length : middle;
  return type.formatted.slice(0, at) + modifier + type.formatted.slice(at);
}

const length = (modifier: number): string => `(${modifier - 4})`;
const plain = (modifier: number): string => `(${modifier})`;

const modifiers: Readonly<Record<string, (modifier: number) => string>> = {
  varchar: length,
  bpchar: length,
  bit: plain,
  varbit: plain,
  time: plain,
  timetz: plain,
  timestamp: plain,
  timestamptz: plain,
  numeric: (modifier) => {
    const scale = (((modifier - 4) & 0x7ff) ^ 0x400) - 0x400;
    return `(${(modifier - 4) >> 16},${scale})`;
  },
  interval: (modifier) => {
    const precision = modifier & 0xffff;
    const fields = intervalFields[(modifier >> 16) & 0x7fff] ?? "";
    return precision === 0xffff ? fields : `${fields}(${precision})`;
  },
};

const month = 1 << 1;
const year = 1 << 2;
const day = 1 << 3;
const hour = 1 << 10;
const minute = 1 << 11;
const second = 1 << 12;

const intervalFields: Readonly<Record<number, string>> = {
  [year]: " year",
  [month]: " month",
  [day]: " day",
  [hour]: " hour",
  [minute]: " minute",
  [second]: " second",
  [year | month]: " year to month",
  [day | hour]: " day to hour",
  [day | hour | minute]: " day to minute",
  [day | hour | minute | second]: " day to second",
  [hour | minute]: " hour to minute",
  [hour | minute | second]: " hour to second",
  [minute | second]: " minute to second",
};
