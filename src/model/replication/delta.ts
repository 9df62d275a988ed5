import type { TableEvent } from "./block.ts";
import type { Position } from "./position.ts";
import type { Relation } from "./relation.ts";
import type { TupleRun } from "./tuple.ts";

/** The net effect on one table of a run of changes in which its shape stays the same. */
export interface RowsStep {
  readonly kind: "rows";
  readonly relation: Relation;
  /**
   * Rows to remove, before anything is added: by key (the tuples' key columns) where the relation has one; else by
   * the whole row, one row for each tuple, however many equal rows there are.
   */
  readonly deletes: readonly TupleRun[];
  /** Rows to add; with those of `updates`, no two have the same key. */
  readonly inserts: readonly TupleRun[];
  /** Rows to replace whose unchanged columns the source did not send. Only for relations with a key. */
  readonly updates: readonly PartialUpdate[];
  /** Changes folded into this step, for the metrics. */
  readonly changes: number;
}

/** Rows that keep the values which the target holds, in the columns `unchanged`, of the rows with `keys`. */
export interface PartialUpdate {
  /** Indexes of the columns, ascending. */
  readonly unchanged: readonly number[];
  /** The rows as they are to be. Row i of `tuples` (counted over all runs) replaces row i of `keys`. */
  readonly tuples: readonly TupleRun[];
  /** Tuples whose key columns find the row as the target held it before this step. Each is among `deletes` too. */
  readonly keys: readonly TupleRun[];
}

export interface EventStep {
  readonly kind: "event";
  readonly event: TableEvent;
}

export type DeltaStep = RowsStep | EventStep;

/** Where the source stands after a delta: stored by the target in the transaction of the rows. */
export interface Checkpoint {
  readonly position: Position;
  /** As in `Cut`. */
  readonly committedAtMs: number;
}

/** What one apply does to a destination database. Steps of one table are in order; tables are independent. */
export interface Delta {
  readonly steps: readonly DeltaStep[];
  /** Absent inside a source transaction that is too big for one batch: then the target's transaction stays open. */
  readonly checkpoint: Checkpoint | undefined;
  /** Changed and copied rows. */
  readonly changes: number;
  /** Rows of copies among `changes`. */
  readonly copiedRows: number;
  readonly transactions: number;
  readonly bytes: number;
}
