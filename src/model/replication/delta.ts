import type { TableEvent } from "./block.ts";
import type { Position } from "./position.ts";
import type { Relation } from "./relation.ts";
import type { TupleRun } from "./tuple.ts";

/** The net effect on one table of a run of changes during which its shape stays the same. */
export interface RowsStep {
  readonly kind: "rows";
  readonly relation: Relation;
  /**
   * Rows to delete, before anything is inserted: by key (the tuples' key columns) where the relation has one; else by
   * the whole row, one row for each tuple, however many equal rows exist.
   */
  readonly deletes: readonly TupleRun[];
  /** Rows to insert; together with those of `updates`, no two have the same key. */
  readonly inserts: readonly TupleRun[];
  /** Rows to replace whose unchanged columns the source did not send. Only for relations with a key. */
  readonly updates: readonly PartialUpdate[];
  /** Changes folded into this step, for the metrics. */
  readonly changes: number;
}

/** For the rows with `keys`: the columns `unchanged` keep the values in the target. */
export interface PartialUpdate {
  /** Indexes of the columns, ascending. */
  readonly unchanged: readonly number[];
  /** The new rows. Row i of `tuples` (counted over all runs) replaces row i of `keys`. */
  readonly tuples: readonly TupleRun[];
  /** Tuples whose key columns identify the row in the target before this step. Each is also in `deletes`. */
  readonly keys: readonly TupleRun[];
}

export interface EventStep {
  readonly kind: "event";
  readonly event: TableEvent;
}

export type DeltaStep = RowsStep | EventStep;

/** The source's position after a delta: the target stores it in the same transaction as the rows. */
export interface Checkpoint {
  readonly position: Position;
  /** As in `Cut`. */
  readonly committedAtMs: number;
}

/** The effect of one apply on a destination database. Steps of one table are in order; tables are independent. */
export interface Delta {
  readonly steps: readonly DeltaStep[];
  /** Absent inside a source transaction that is too large for one batch: then the target's transaction stays open. */
  readonly checkpoint: Checkpoint | undefined;
  /** Changed and copied rows. */
  readonly changes: number;
  /** Rows of copies among `changes`. */
  readonly copiedRows: number;
  readonly transactions: number;
  readonly bytes: number;
}
