import type { Position } from "./position.ts";
import type { Relation, TableDefinition } from "./relation.ts";
import type { TupleLayout } from "./tuple.ts";
import type { ColumnChange } from "./column-change.ts";

/** The kinds of `Block.kinds`. A copied row is an insert. */
export const change = { insert: 0, update: 1, delete: 2, event: 3 } as const;

/** No tuple: an insert has no old one, a delete no new one. */
export const noTuple = -1;

/**
 * What happens to a table as a whole, in order with its rows. A table that is copied is hidden until `revealed`,
 * which comes where the stream has passed the position of its copy, so readers never see tables of two times.
 */
export type TableEvent =
  /** The (hidden) table begins empty. A visible table of the same id stays as it is until `revealed`. */
  | { readonly kind: "copy-started"; readonly relation: Relation }
  /** All rows have been sent. `position`: the stream's changes before it are in the copy. */
  | { readonly kind: "copy-finished"; readonly relation: Relation; readonly position: Position }
  | { readonly kind: "revealed"; readonly relation: Relation }
  | { readonly kind: "altered"; readonly relation: Relation; readonly changes: readonly ColumnChange[] }
  | { readonly kind: "truncated"; readonly relation: Relation }
  | { readonly kind: "dropped"; readonly relation: TableDefinition }
  /** The table is no longer replicated; what it holds stays readable, and `reason` says what to do. */
  | { readonly kind: "failed"; readonly relation: TableDefinition; readonly reason: TableFailureReason };

export interface TableFailureReason {
  /** From the catalogue of error codes, such as `TABLE_WITHOUT_KEY`. */
  readonly code: string;
  /** One sentence: what is wrong. */
  readonly message: string;
  /** The statement that brings the table back; else what the catalogue says of the code. */
  readonly fix?: string;
}

/**
 * Where a batch may end: after the change at index `after` − 1, everything that the source committed up to
 * `position` has been sent. `position` is confirmed once a target holds it durably.
 */
export interface Cut {
  readonly after: number;
  readonly position: Position;
  /** When the last transaction before the cut was committed, ms since 1970 on the source's clock; 0: nobody committed. */
  readonly committedAtMs: number;
  /** Transactions that ended since the cut before. */
  readonly transactions: number;
}

/**
 * What one large read held: changes of any tables in order, tuples still in the bytes of the region.
 * Never changed after it has been yielded; the source uses the region's memory again after `release`.
 */
export interface Block {
  readonly layout: TupleLayout;
  readonly region: Uint8Array;
  /** Changes: the length used of the arrays below. */
  readonly count: number;
  readonly kinds: Uint8Array;
  /** Index in `relations`, or in `events` where the kind is `event`. */
  readonly subjects: Int32Array;
  /** Offset in the region of the tuple before, or of the key that an update changed; `noTuple` where not sent. */
  readonly oldTuples: Int32Array;
  readonly newTuples: Int32Array;
  readonly relations: readonly Relation[];
  readonly events: readonly TableEvent[];
  /** In order; at most one per transaction. A block without a cut lies within a transaction. */
  readonly cuts: readonly Cut[];
  /** The source asks for a checkpoint at the last cut soon, though no row changed (idle slot, server stopping). */
  readonly checkpointWanted: boolean;
  /** Called once, or never, when nobody looks at the region any more: all changes have been applied. */
  readonly release?: () => void;
}
