import { sameType, type LogicalType } from "../../../model/replication/logical-type.ts";
import type { ColumnDefinition } from "../../../model/replication/relation.ts";
import { canonicalOf } from "../verify/canonical-sql.ts";
import type { Fill, NewColumn } from "./physical-tables.ts";
import { heldValue } from "./stored-columns.ts";

/**
 * How a physical table gets from its current columns to the desired ones. Columns are identified by their ids: renamed
 * ones need nothing, and dropped ones are merely no longer shown.
 */
export interface Reshaping {
  readonly added: readonly NewColumn[];
  /** Some column has another type: the rows must be rewritten. */
  readonly retyped: boolean;
  /** Every desired column, with an expression over the current ones. */
  readonly values: readonly (readonly [ColumnDefinition, string])[];
}

/** `fills`: of new columns, by their ids. */
export function reshaping(
  before: readonly ColumnDefinition[],
  after: readonly ColumnDefinition[],
  fills: ReadonlyMap<number, Fill>,
): Reshaping {
  const had = new Map(before.map((column) => [column.id, column]));
  const added = after
    .filter(({ id }) => !had.has(id))
    .map((column) => ({ column, fill: fills.get(column.id) }));
  const values = after.map((column) => {
    const old = had.get(column.id);
    return [
      column,
      old === undefined ? (fills.get(column.id)?.value ?? "NULL") : converted(old, column.type),
    ] as const;
  });
  const retyped = after.some(({ id, type }) => {
    const old = had.get(id);
    return old !== undefined && !sameType(old.type, type);
  });
  return { added, retyped, values };
}

function converted(column: ColumnDefinition, to: LogicalType): string {
  const value = heldValue(column);
  // A decimal as PostgreSQL prints it, which sometimes differs from DuckDB's output.
  return column.type.kind === "decimal" && to.kind === "text" ? canonicalOf(column.type, value) : value;
}
