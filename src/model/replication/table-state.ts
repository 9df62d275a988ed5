import type { TableFailureReason } from "./block.ts";
import type { Position } from "./position.ts";
import type { TableDefinition } from "./relation.ts";

/** AWS's names, as `SVV_INTEGRATION_TABLE_STATE` shows them. */
export type TableStateName =
  | "Synced"
  | "Failed"
  | "Deleted"
  | "ResyncRequired"
  | "ResyncInitiated"
  | "DroppedSource";

/**
 * The target's record of one table of a source database. Stored in the destination database and changed in the
 * transaction of the rows.
 *
 * ```
 * copy-started ─▶ copying ─ copy-finished ─▶ copied ─ revealed ─▶ synced ─ copy-started ─▶ copying (again) …
 *                                 any ─ failed ─▶ failed        any ─ dropped ─▶ deleted
 * ```
 */
export type TablePhase =
  /** A copy is running, or was interrupted. */
  | {
      readonly kind: "copying";
      /** Of the last `copied-part`. */
      readonly progress?: string;
    }
  /** The hidden copy is complete as of `position`; the stream has not yet been seen to pass it. */
  | { readonly kind: "copied"; readonly position: Position }
  | { readonly kind: "synced"; readonly position: Position }
  | { readonly kind: "failed"; readonly reason: TableFailureReason }
  | { readonly kind: "deleted" };

export interface TableRecord {
  readonly definition: TableDefinition;
  readonly phase: TablePhase;
  /** Whether readers see a table with this id now (an earlier copy may be visible during a new one). */
  readonly visible: boolean;
  /** ms since 1970. */
  readonly updatedAtMs: number;
}

export function stateName(phase: TablePhase): TableStateName {
  switch (phase.kind) {
    case "copying":
    case "copied":
      return "ResyncInitiated";
    case "synced":
      return "Synced";
    case "failed":
      return "Failed";
    case "deleted":
      return "Deleted";
  }
}

/** The state of a destination database: everything a restart needs to know. */
export interface Progress {
  /** Absent in a database that no stream has filled. */
  readonly checkpoint: Position | undefined;
  /**
   * The last position of `Source.copies` that was committed. Undefined if the rows that were committed last do not end
   * at a position, so that the copies cannot be resumed.
   */
  readonly copies: Position | undefined;
  readonly tables: readonly TableRecord[];
}
