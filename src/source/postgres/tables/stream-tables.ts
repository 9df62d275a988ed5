import { assert, present, unreachable } from "../../../base/assert.ts";
import { Wake } from "../../../base/wake.ts";
import type { TableFailureReason } from "../../../model/replication/block.ts";
import { definitionOf } from "../../../model/replication/relation.ts";
import type { TableRecord } from "../../../model/replication/table-state.ts";
import type { BlockBuilder } from "../stream/block-builder.ts";
import type { CatalogTable, CatalogTables } from "../catalog/catalog-table.ts";
import { parsePosition, type Lsn } from "../stream/lsn.ts";
import { followCatalog, type SchemaChange } from "./schema-change.ts";
import { memoOf, type Shape, type TypeContext } from "../catalog/shape.ts";
import { TrackedTable, type TrackedPhase } from "./tracked-table.ts";

/** The catalog exactly as it was at a position of the log. */
export interface Observation {
  /** Numbers of catalog checks increase. */
  readonly number: number;
  readonly lsn: Lsn;
  readonly selected: CatalogTables;
  readonly context: TypeContext;
}

/**
 * The tables of one stream, as far as the stream has been read. Every change of a table's state adds the event for the
 * target to the current block, so that both always agree.
 */
export class StreamTables {
  readonly #tables = new Map<number, TrackedTable>();
  /** The catalog watch's current number: an older check does not evaluate tables that have changed since. */
  look = 0;
  /** Notified when a table fails. */
  readonly failed = new Wake();

  /** `isCurrent`: the stream continues where these records were made; otherwise every table needs a new copy. */
  constructor(records: readonly TableRecord[], isCurrent: boolean) {
    for (const { definition, phase } of records) {
      if (phase.kind === "deleted") continue;
      const table = new TrackedTable(definition, isCurrent ? phaseOf(phase) : { kind: "wanted" });
      table.isKnown = true;
      this.#tables.set(table.oid, table);
    }
  }

  get byOid(): ReadonlyMap<number, TrackedTable> {
    return this.#tables;
  }

  /** The number of the check during which a table last changed its state. */
  get changedAt(): number {
    let last = 0;
    for (const { changedAt } of this.#tables.values()) last = Math.max(last, changedAt);
    return last;
  }

  wanted(): readonly TrackedTable[] {
    return [...this.#tables.values()].filter(({ phase }) => phase.kind === "wanted");
  }

  /** Adds a table that is new to the stream. */
  add(shape: Shape): void {
    const table = new TrackedTable(shape.relation, { kind: "wanted" });
    this.#tables.set(table.oid, table);
  }

  /** Adds a table that is new to the stream and cannot be replicated. */
  addFailed(found: CatalogTable, reason: TableFailureReason, block: BlockBuilder): void {
    const definition = {
      id: String(found.oid),
      name: { schema: found.schema, table: found.name },
      columns: [],
      identity: { kind: "row" },
      memo: JSON.stringify(memoOf(found, 0)),
    } as const;
    const table = new TrackedTable(definition, { kind: "wanted" });
    this.#tables.set(table.oid, table);
    this.fail(table, reason, block);
  }

  fail(table: TrackedTable, reason: TableFailureReason, block: BlockBuilder): void {
    table.enter({ kind: "failed", reason });
    table.isKnown = true;
    table.isAnnounced = true;
    table.changedAt = this.look;
    this.failed.tell();
    block.event({ kind: "failed", relation: definitionOf(table.definition), reason });
  }

  /** From here on the table's changes are left out until it has been copied. */
  want(table: TrackedTable, shape: Shape, block: BlockBuilder): void {
    table.enter({ kind: "wanted" });
    this.announce(table);
    table.changedAt = this.look;
    // Immediately: a restart from a later position must not treat the target's rows as complete.
    block.event({ kind: "copy-started", relation: shape.relation });
  }

  /** Its `copy-started` has been sent. */
  announce(table: TrackedTable): void {
    table.isKnown = true;
    table.isAnnounced = true;
  }

  /** Tables whose copy this stream has not announced yet. */
  unannounced(): readonly TrackedTable[] {
    return [...this.#tables.values()].filter(
      ({ phase, isAnnounced }) => (phase.kind === "wanted" || phase.kind === "copying") && !isAnnounced,
    );
  }

  drop(table: TrackedTable, block: BlockBuilder): void {
    this.#tables.delete(table.oid);
    if (table.isKnown) block.event({ kind: "dropped", relation: definitionOf(table.definition) });
  }

  /** The target has a complete copy as of `from`. */
  copied(table: TrackedTable, shape: Shape, from: Lsn): void {
    assert(
      table.leftOutAt === undefined || table.leftOutAt < from,
      "a copy holds every change that was left out for its sake",
    );
    table.hold(shape);
    table.isKnown = true;
    table.changedAt = this.look;
    table.enter({ kind: "copied", from });
  }

  /** Where all copies become visible, if there are any: readers never see tables of two different times. */
  revealLsn(): Lsn | undefined {
    let last: Lsn | undefined;
    for (const { phase } of this.#tables.values())
      if (phase.kind === "copied" && (last === undefined || phase.from > last)) last = phase.from;
    return last;
  }

  /** Call it when the stream has passed `revealLsn`. */
  reveal(block: BlockBuilder): void {
    for (const table of this.#tables.values()) {
      if (table.phase.kind !== "copied") continue;
      table.enter({ kind: "synced", from: table.phase.from });
      block.event({ kind: "revealed", relation: present(table.relation, "a copied table has its decoders") });
    }
  }

  follow(table: TrackedTable, change: SchemaChange, block: BlockBuilder): void {
    switch (change.kind) {
      case "same":
        // An unchanged table keeps its relation object: its changes continue to be folded together.
        table.relation ??= change.shape.relation;
        return;
      case "altered":
        table.hold(change.shape);
        table.changedAt = this.look;
        block.event({ kind: "altered", relation: change.shape.relation, changes: change.changes });
        return;
      case "recopy":
        this.want(table, change.shape, block);
        return;
      case "failed":
        this.fail(table, change.reason, block);
        return;
      default:
        unreachable(change);
    }
  }

  /**
   * Brings every table that accepts changes to the observed state of the catalog; call it when the stream is exactly
   * there. Returns false if a table has changed since the catalog was read, and has to wait for another check.
   */
  observe(observation: Observation, block: BlockBuilder): boolean {
    let isComplete = true;
    for (const table of this.#tables.values()) {
      const now = observation.selected.get(table.oid);
      if (table.changedAt >= observation.number || table.phase.kind === "copying") isComplete = false;
      else if (now === undefined) this.drop(table, block);
      else if (table.phase.kind === "copied" || table.phase.kind === "synced")
        this.follow(table, followCatalog(table, now, observation.context), block);
    }
    return isComplete;
  }
}

function phaseOf(phase: TableRecord["phase"]): TrackedPhase {
  switch (phase.kind) {
    case "copying":
    case "deleted":
      return { kind: "wanted" };
    case "copied":
    case "synced":
      return { kind: phase.kind, from: parsePosition(phase.position).lsn };
    case "failed":
      return { kind: "failed", reason: phase.reason };
    default:
      return unreachable(phase);
  }
}
