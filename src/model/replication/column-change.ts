import { sameType } from "./logical-type.ts";
import type { Column, ColumnDefinition, TableDefinition } from "./relation.ts";

/**
 * A change of a table's columns that does not require a new copy of its rows. Changes are applied in the given order.
 */
export type ColumnChange =
  /** Existing rows get NULL, or the value of a field with the bytes `fill`, as `column.decode` reads it. */
  | { readonly kind: "added"; readonly column: Column; readonly fill: Uint8Array | null }
  | { readonly kind: "dropped"; readonly name: string }
  | { readonly kind: "renamed"; readonly from: string; readonly to: string }
  | { readonly kind: "retyped"; readonly column: Column; readonly from: ColumnDefinition };

/** Whether both describe the same columns, with the same ids, in the same order. */
export function sameColumns(a: TableDefinition, b: TableDefinition): boolean {
  return (
    a.columns.length === b.columns.length &&
    a.columns.every((column, index) => {
      const other = b.columns[index];
      return (
        other !== undefined &&
        column.id === other.id &&
        column.name === other.name &&
        column.sourceType === other.sourceType &&
        sameType(column.type, other.type)
      );
    })
  );
}
