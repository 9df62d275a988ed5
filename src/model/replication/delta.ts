import type { TableEvent } from "./block.ts";
import type { Position } from "./position.ts";
import type { Relation, TableDefinition } from "./relation.ts";
import type { TupleRun } from "./tuple.ts";

/**
 * The net effect on one table of a run of changes during which its shape stays the same. The target reads the rows that
 * `moves` start from, then deletes `deletes`, then writes the others, in any order. Afterwards no two rows of a relation
 * with a key have the same key.
 */
export interface RowsStep {
  readonly kind: "rows";
  readonly relation: Relation;
  /**
   * Rows to delete, all of which exist at the target. If the relation has a key: by key (the tuples' key columns), each
   * key once; otherwise by the whole row, one row for each tuple, however many equal rows exist. Includes the old
   * versions of rows that `inserts` replaces and of all rows in `moves`, and none of the rows in `patches`.
   */
  readonly deletes: readonly TupleRun[];
  /** Whole rows to insert. */
  readonly inserts: readonly TupleRun[];
  /** Rows that exist at the target and keep their keys. Only for relations with a key. */
  readonly patches: readonly Patch[];
  /** Rows that exist at the target under another key. Only for relations with a key. */
  readonly moves: readonly Move[];
  /**
   * As in `Block`. `deletes` then includes the key of every new row, and rows that do not exist at the target are
   * ignored, wherever they are named.
   */
  readonly isRepeated: boolean;
  /** Changes folded into this step, for the metrics. */
  readonly changes: number;
}

/** New versions of rows, without some columns, which keep their values at the target. */
export interface Patch {
  /** Indexes of these columns, ascending; at least one, none of them in the key. */
  readonly unchanged: readonly number[];
  readonly tuples: readonly TupleRun[];
}

/** A patch of rows that get new keys. */
export interface Move extends Patch {
  /**
   * Tuples whose key columns find the old versions: row i of `tuples` (counted over all runs) is the new version of row
   * i of `keys`. A key identifies the row that had it before this step, which is also in `deletes`; another row may
   * take the key. Thus a chain (1 to 2, 2 to 3) deletes 1 and 2 and moves both rows, as does a swap of 1 and 2.
   */
  readonly keys: readonly TupleRun[];
}

export interface EventStep {
  readonly kind: "event";
  readonly event: TableEvent;
}

export type DeltaStep = RowsStep | EventStep;

/** The table that a step changes. */
export function tableOf(step: DeltaStep): TableDefinition {
  return step.kind === "rows" ? step.relation : step.event.relation;
}

/** The source's position after a delta: the target stores it in the same transaction as the rows. */
export interface Checkpoint {
  readonly position: Position;
  /** As in `Cut`. */
  readonly sequence: bigint;
  /** As in `Cut`. */
  readonly committedAtMs: number;
}

/** The effect of one apply on a destination database. Steps of one table are in order; tables are independent. */
export interface Delta {
  readonly steps: readonly DeltaStep[];
  /**
   * Absent within a source transaction that is too large for one batch; the target's transaction then stays open. A
   * target without transactions holds such a delta back until the delta with the checkpoint, whose `sequence` applies
   * to both.
   */
  readonly checkpoint: Checkpoint | undefined;
  /** Changed and copied rows. */
  readonly changes: number;
  /** Rows of copies among `changes`. */
  readonly copiedRows: number;
  readonly transactions: number;
  readonly bytes: number;
}
