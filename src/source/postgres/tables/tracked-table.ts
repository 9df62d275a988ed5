import type { TableFailureReason } from "../../../model/replication/block.ts";
import type { Relation, TableDefinition } from "../../../model/replication/relation.ts";
import type { RelationMessage } from "../../../wire/postgres/pgoutput/stream.ts";
import type { Lsn } from "../stream/lsn.ts";
import { readMemo, type Shape, type ShapeMemo } from "../catalog/shape.ts";

/** The state of a table in the stream. Only `copied` and `synced` tables accept changes. */
export type TrackedPhase =
  /** Needs a copy, as soon as one is available. */
  | { readonly kind: "wanted" }
  /** Its copy is being made beside the stream. */
  | { readonly kind: "copying" }
  | { readonly kind: "copied" | "synced"; readonly from: Lsn }
  | { readonly kind: "failed"; readonly reason: TableFailureReason };

/** One table of the stream: its state at the target, and how the stream currently sends it. */
export class TrackedTable {
  readonly oid: number;
  /** As the target holds it, or will hold it. */
  definition: TableDefinition;
  /** The source catalog's description of `definition`. */
  memo: ShapeMemo | undefined;
  /** With decoders for `definition`; after a restart, unknown until the stream or the catalog provides it. */
  relation: Relation | undefined;
  #phase: TrackedPhase;
  /** How the stream describes the table at this point. */
  message: RelationMessage | undefined;
  /** The message has been resolved: rows are those of `relation`. */
  isResolved = false;
  /** The target knows the table. */
  isKnown = false;
  /** This stream has announced that it is copied, or failed. */
  isAnnounced = false;
  /** Commit LSN of the transaction of the last change that was left out because there is no copy of the table. */
  leftOutAt: Lsn | undefined;
  /** When `definition` last changed, as a number of the catalog watch. */
  changedAt = 0;
  /** For the decoder: the transaction to which `isSkipped` applies. */
  transaction = -1;
  isSkipped = true;
  /** For the decoder: the serial number of the block to which `subject` applies. */
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
    // The next row decides again.
    this.transaction = -1;
  }

  /** From here on the target holds this. */
  hold({ relation, memo }: Pick<Shape, "relation" | "memo">): void {
    this.definition = relation;
    this.relation = relation;
    this.memo = memo;
    this.block = -1;
    this.isResolved = false;
  }

  /** Whether the change is already in the table's copy, or the table accepts no changes. */
  skips(commitLsn: Lsn): boolean {
    if (this.#phase.kind === "copied" || this.#phase.kind === "synced") return commitLsn < this.#phase.from;
    this.leftOutAt = commitLsn;
    return true;
  }
}
