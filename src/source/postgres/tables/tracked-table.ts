import type { TableFailureReason } from "../../../model/replication/block.ts";
import type { Relation, TableDefinition } from "../../../model/replication/relation.ts";
import type { RelationMessage } from "../../../wire/postgres/pgoutput/stream.ts";
import type { Lsn } from "../stream/lsn.ts";
import { readMemo, type Shape, type ShapeMemo } from "../catalog/shape.ts";

/** Where a table stands in the stream. Only `copied` and `synced` tables take changes. */
export type TrackedPhase =
  /** Needs a copy, as soon as there is one. */
  | { readonly kind: "wanted" }
  | { readonly kind: "copied" | "synced"; readonly from: Lsn }
  | { readonly kind: "failed"; readonly reason: TableFailureReason };

/** One table of the stream: what the target holds of it, and how the stream sends it now. */
export class TrackedTable {
  readonly oid: number;
  /** As the target holds it, or is to hold it. */
  definition: TableDefinition;
  /** What the source's catalog said of `definition`. */
  memo: ShapeMemo | undefined;
  /** With decoders for `definition`; unknown after a restart until the stream or the catalog tells. */
  relation: Relation | undefined;
  #phase: TrackedPhase;
  /** How the stream describes the table at this point. */
  message: RelationMessage | undefined;
  /** The message has been looked at: rows are those of `relation`. */
  isResolved = false;
  /** The target has heard of it. */
  isKnown = false;
  /** This stream has told that it is copied, or failed. */
  isAnnounced = false;
  /** Of the last change that was left out because there is no copy of the table: commit LSN of its transaction. */
  leftOutAt: Lsn | undefined;
  /** When `definition` last changed, as a number of the catalog watch. */
  changedAt = 0;
  /** For the decoder: the transaction that `isSkipped` is about. */
  transaction = -1;
  isSkipped = true;
  /** For the decoder: the serial number of the block that `subject` is about. */
  block = -1;
  subject = -1;

  constructor(definition: TableDefinition, phase: TrackedPhase) {
    this.oid = Number(definition.id);
    this.definition = definition;
    this.memo = readMemo(definition);
    this.#phase = phase;
  }

  get phase(): TrackedPhase {
    return this.#phase;
  }

  enter(phase: TrackedPhase): void {
    this.#phase = phase;
    // Decided anew by the next row.
    this.transaction = -1;
  }

  /** The target holds this from here on. */
  hold({ relation, memo }: Pick<Shape, "relation" | "memo">): void {
    this.definition = relation;
    this.relation = relation;
    this.memo = memo;
    this.block = -1;
    this.isResolved = false;
  }

  /** Whether the change is in the table's copy already, or the table takes no changes. */
  skips(commitLsn: Lsn): boolean {
    if (this.#phase.kind === "copied" || this.#phase.kind === "synced") return commitLsn < this.#phase.from;
    this.leftOutAt = commitLsn;
    return true;
  }
}
