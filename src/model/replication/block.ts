import type { Position } from "./position.ts";
import type { Relation, TableDefinition } from "./relation.ts";
import type { TupleLayout } from "./tuple.ts";
import type { ColumnChange } from "./column-change.ts";

/** The kinds of `Block.kinds`. A copied row is an insert. */
export const change = { insert: 0, update: 1, delete: 2, event: 3 } as const;

/** No tuple: an insert has no old tuple, and a delete has no new tuple. */
export const noTuple = -1;

/**
 * An event that concerns a whole table, in order with its rows. A table that is being copied is hidden until
 * `revealed`, which is sent once the stream has passed the position of its copy, so that readers never see tables from
 * different times.
 */
export type TableEvent =
  /** The (hidden) table starts empty. A visible table with the same id stays unchanged until `revealed`. */
  | { readonly kind: "copy-started"; readonly relation: Relation }
  /** The copy that a restart interrupted continues with the rows that the target has stored. */
  | { readonly kind: "copy-resumed"; readonly relation: Relation }
  /** Only in `Source.copies`: `progress` describes the rows of the table that have been sent. */
  | { readonly kind: "copied-part"; readonly relation: Relation; readonly progress: string }
  /** All rows have been sent. `position`: the copy contains the stream's changes before it. */
  | { readonly kind: "copy-finished"; readonly relation: Relation; readonly position: Position }
  | { readonly kind: "revealed"; readonly relation: Relation }
  | { readonly kind: "altered"; readonly relation: Relation; readonly changes: readonly ColumnChange[] }
  | { readonly kind: "truncated"; readonly relation: Relation }
  | { readonly kind: "dropped"; readonly relation: TableDefinition }
  /** The table is no longer replicated. Its contents stay readable, and `reason` describes what to do. */
  | { readonly kind: "failed"; readonly relation: TableDefinition; readonly reason: TableFailureReason };

export interface TableFailureReason {
  /** From the catalogue of error codes, such as `TABLE_WITHOUT_KEY`. */
  readonly code: string;
  /** One sentence that describes the problem. */
  readonly message: string;
  /** The statement that makes the table replicable again; if absent, the catalogue's fix for the code applies. */
  readonly fix?: string;
}

/**
 * Where a batch may end: after the change at index `after` − 1, everything that the source committed up to `position`
 * has been sent. `position` is confirmed once it is durable in a target.
 */
export interface Cut {
  readonly after: number;
  readonly position: Position;
  /**
   * Orders the cuts of a stream, 0 to 2^64 − 1: for targets without transactions, which use it as the version of rows or
   * in the names of files, so that writing the same changes again changes nothing.
   *
   * - It never decreases along a stream, nor across restarts. Cuts between which nothing was committed, such as those of
   *   a copy, may share one.
   * - It is the same for the same place when the same log is read again, regardless of where blocks end.
   * - If the source has lost the stream's position (PostgreSQL: the slot is created again), it continues at or after
   *   the checkpoint, and every table is copied again.
   * - Only the log up to the target's checkpoint is certain to be the same. If the source was replaced by a standby
   *   that lacked some of what was sent after the checkpoint, other changes may get the same sequences.
   */
  readonly sequence: bigint;
  /** When the last transaction before the cut was committed, ms since 1970 on the source's clock; 0: no commit. */
  readonly committedAtMs: number;
  /** Transactions that ended since the previous cut. */
  readonly transactions: number;
}

/** A table whose rows a block contains, and how their tuples are laid out there. */
export interface BlockRelation {
  readonly relation: Relation;
  /** Another block may contain rows of the same relation in another layout. */
  readonly layout: TupleLayout;
}

/**
 * The contents of one large read: changes of any tables in order, tuples still as bytes of the region. Never changed
 * after it has been yielded. The source reuses the region's memory after `release`.
 */
export interface Block {
  readonly region: Uint8Array;
  /** Number of changes: the used length of the arrays below. */
  readonly count: number;
  readonly kinds: Uint8Array;
  /** Index in `relations`, or in `events` if the kind is `event`. */
  readonly subjects: Int32Array;
  /** Offset in the region of the old tuple, or of the key that an update changed; `noTuple` if not sent. */
  readonly oldTuples: Int32Array;
  readonly newTuples: Int32Array;
  readonly relations: readonly BlockRelation[];
  readonly events: readonly TableEvent[];
  /** In order; at most one per transaction. A block without a cut lies within a transaction. */
  readonly cuts: readonly Cut[];
  /** The rows belong to copies: inserts of rows that are all distinct and can be stored in any order. */
  readonly isCopied: boolean;
  /**
   * The target may already contain some of the changes, or later versions of the rows: new rows replace rows that have
   * the same key, and updates and deletes of rows that do not exist have no effect.
   */
  readonly isRepeated: boolean;
  /** The source requests a checkpoint at the last cut soon, even if no row has changed (idle slot, server stopping). */
  readonly checkpointWanted: boolean;
  /** Called at most once, when the region is no longer read: all changes have been applied. */
  readonly release?: () => void;
}
