import { sqlType } from "../../../columnar/duck-type.ts";
import type { ColumnDefinition } from "../../../model/replication/relation.ts";

/**
 * The columns of physical tables, and how they hold the sign of zero.
 *
 * DuckDB 1.5 takes 0 and -0 for the same value when a checkpoint compresses a column: it stores a run of them, or a
 * whole segment, with the sign of one. No compression setting prevents this. So a physical table stores every zero
 * without its sign, and another column, `minusColumn`, lists the columns in which a row has -0: `,3,5,` for those with
 * the ids 3 and 5, NULL for none. Only tables with floats have that column.
 */
export const minusColumn = "minus";

/** The column of a physical table: named by its id, so that renaming a column does not change the table. */
export function physicalColumn({ id }: Pick<ColumnDefinition, "id">): string {
  return `c${id}`;
}

type Columns = readonly ColumnDefinition[];

export function isFloat({ type: { kind } }: ColumnDefinition): boolean {
  return kind === "float32" || kind === "float64";
}

/** The columns of a physical table, as CREATE TABLE defines them. */
export function storedColumns(columns: Columns): string[] {
  const list = columns.map((column) => `${physicalColumn(column)} ${sqlType(column.type)}`);
  return columns.some(isFloat) ? [...list, `${minusColumn} VARCHAR`] : list;
}

/** Their names. */
export function storedNames(columns: Columns): string[] {
  const names = columns.map(physicalColumn);
  return columns.some(isFloat) ? [...names, minusColumn] : names;
}

/** What a row has in them. `values`: one expression for each column, of its type. */
export function storedValues(columns: Columns, values: readonly string[]): string[] {
  const stored = columns.map((column, index) => unsigned(column, values[index] ?? "NULL"));
  const minus = columns.flatMap((column, index) =>
    isFloat(column) ? [{ column, isMinus: isMinusZero(values[index] ?? "NULL") }] : [],
  );
  return minus.length === 0 ? stored : [...stored, listOf(minus)];
}

/** The assignments of an UPDATE that changes some columns, without signs. `values`: by the id of the column. */
export function storedChanges(columns: Columns, values: ReadonlyMap<number, string>): string[] {
  return columns.flatMap((column) => {
    const value = values.get(column.id);
    return value === undefined ? [] : [`${physicalColumn(column)} = ${unsigned(column, value)}`];
  });
}

/** The assignment of the signs in such an UPDATE of the table `t`. */
export function signChange(columns: Columns, values: ReadonlyMap<number, string>): string {
  const minus = columns.filter(isFloat).map((column) => {
    const value = values.get(column.id);
    return { column, isMinus: value === undefined ? isListed(column, "t.") : isMinusZero(value) };
  });
  return `${minusColumn} = ${listOf(minus)}`;
}

/** The value of a column in a row. `of`: the table's name in the query and a dot, or nothing. */
export function heldValue(column: ColumnDefinition, of: "t." | "" = ""): string {
  const value = `${of}${physicalColumn(column)}`;
  if (!isFloat(column)) return value;
  return `CASE WHEN ${isListed(column, of)} THEN CAST('-0' AS ${sqlType(column.type)}) ELSE ${value} END`;
}

/** -0 + 0 is 0, and any other number remains as it is. */
function unsigned(column: ColumnDefinition, value: string): string {
  return isFloat(column) ? `${value} + 0` : value;
}

function isMinusZero(value: string): string {
  return `(${value} = 0 AND signbit(${value}))`;
}

function isListed({ id }: ColumnDefinition, of: string): string {
  return `contains(${of}${minusColumn}, ',${id},')`;
}

function listOf(minus: readonly { readonly column: ColumnDefinition; readonly isMinus: string }[]): string {
  const any = minus.map(({ isMinus }) => isMinus).join(" OR ");
  const ids = minus.map(({ column, isMinus }) => `if(${isMinus}, '${column.id},', '')`);
  return `CASE WHEN ${any} THEN concat(',', ${ids.join(", ")}) END`;
}
