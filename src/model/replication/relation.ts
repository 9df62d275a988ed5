import type { LogicalType } from "./logical-type.ts";
import type { Fields } from "./tuple.ts";
import type { Vector } from "./vector.ts";

/**
 * Decodes the fields of one column into values. `first` is the index in `fields.starts` of the column's first field;
 * `count` ≤ `vectorRowsMax` fields follow it. Writes rows 0 … count − 1 of `out`. Throws a `ValueError` for a value
 * that the logical type cannot hold.
 */
export type DecodeColumn = (fields: Fields, span: FieldSpan, out: Vector) => void;

export interface FieldSpan {
  readonly first: number;
  readonly count: number;
}

/** A value that the column's logical type cannot hold: it fails the table and is never changed silently. */
export class ValueError extends Error {
  override name = "ValueError";
}

export interface ColumnDefinition {
  /** Stable through renames (PostgreSQL: attnum). */
  readonly id: number;
  readonly name: string;
  readonly type: LogicalType;
  /** The type as the source writes it, such as `numeric(12,2)`: for people, and for `verify`. */
  readonly sourceType: string;
}

export interface Column extends ColumnDefinition {
  readonly decode: DecodeColumn;
}

/** What identifies a row: the columns (indexes, in key order) of its key, or the whole row if there is no key. */
export type ReplicaIdentity =
  | { readonly kind: "key"; readonly columns: readonly number[] }
  | { readonly kind: "row" };

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** A table's definition as data: the target stores it with the rows, so that a restart knows the target's contents. */
export interface TableDefinition {
  /** Stable through renames (PostgreSQL: the oid), unique in its source database. */
  readonly id: string;
  readonly name: TableName;
  readonly columns: readonly ColumnDefinition[];
  readonly identity: ReplicaIdentity;
  /** What the source engine needs to read back after a restart: opaque to all other code, stored as given. */
  readonly memo?: string;
}

/**
 * One version of a table. Immutable: a changed table is a new object, and an unchanged one keeps its object, so `===`
 * tells whether two changes have the same shape.
 */
export interface Relation extends TableDefinition {
  readonly columns: readonly Column[];
}

/** The definition alone, without decoders, for storing. */
export function definitionOf(relation: TableDefinition): TableDefinition {
  const { id, name, identity, memo } = relation;
  const columns = relation.columns.map((column) => ({
    id: column.id,
    name: column.name,
    type: column.type,
    sourceType: column.sourceType,
  }));
  return memo === undefined ? { id, name, columns, identity } : { id, name, columns, identity, memo };
}
