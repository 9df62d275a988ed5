import type { ColumnChange } from "../../../model/replication/column-change.ts";
import { sameType, type LogicalKind, type LogicalType } from "../../../model/replication/logical-type.ts";
import type { ColumnDefinition } from "../../../model/replication/relation.ts";
import { canonicalOf } from "../verify/canonical-sql.ts";
import { physicalColumn, type NewColumn } from "./physical-tables.ts";
import { literal } from "../instance/sql-text.ts";

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

export function reshaping(
  before: readonly ColumnDefinition[],
  after: readonly ColumnDefinition[],
  changes: readonly ColumnChange[],
): Reshaping {
  const had = new Map(before.map((column) => [column.id, column]));
  const fills = new Map(
    changes.flatMap((change) =>
      change.kind === "added" && change.fill !== null
        ? [[change.column.id, fillLiteral(change.column.type, change.fill)]]
        : [],
    ),
  );
  const added = after
    .filter(({ id }) => !had.has(id))
    .map((column) => ({ column, fill: fills.get(column.id) }));
  const values = after.map((column) => {
    const old = had.get(column.id);
    return [
      column,
      old === undefined ? (fills.get(column.id) ?? "NULL") : converted(old, column.type),
    ] as const;
  });
  const retyped = after.some(({ id, type }) => {
    const old = had.get(id);
    return old !== undefined && !sameType(old.type, type);
  });
  return { added, retyped, values };
}

function converted(column: ColumnDefinition, to: LogicalType): string {
  const name = physicalColumn(column);
  // A decimal as PostgreSQL prints it, which sometimes differs from DuckDB's output.
  return column.type.kind === "decimal" && to.kind === "text" ? canonicalOf(column.type, name) : name;
}

/**
 * A value as the source prints it, as a string that DuckDB reads as the column's type. It contains no function: DuckDB
 * would then fill a new column by an UPDATE, and refuse the next change of the table in the same transaction.
 */
function fillLiteral(type: LogicalType, text: string): string {
  return literal(notations[type.kind]?.(text) ?? text);
}

/** For types where DuckDB reads another notation than PostgreSQL prints. */
const notations: { readonly [kind in LogicalKind]?: (text: string) => string } = {
  // From \x00ff to \x00\xff.
  bytes: (text) => text.replace(/^\\x/, "").replaceAll(/../g, "\\x$&"),
  date: (text) => text.replace(/ BC$/, " (BC)"),
  // The era is between the date and the time.
  timestamp: (text) => text.replace(/^(\S+) (.+) BC$/, "$1 (BC) $2"),
  timestamptz: (text) => text.replace(/^(\S+) (.+) BC$/, "$1 (BC) $2"),
  // Before hours, DuckDB accepts no sign but a minus.
  interval: (text) => text.replaceAll("+", ""),
};
