import { present } from "../../src/base/assert.ts";
import {
  change,
  noTuple,
  type Block,
  type Cut,
  type TableEvent,
  type TableFailureReason,
} from "../../src/model/replication/block.ts";
import type { ColumnChange } from "../../src/model/replication/column-change.ts";
import { RowDigests, type TableDigest } from "../../src/model/replication/digest.ts";
import type { Position } from "../../src/model/replication/position.ts";
import {
  definitionOf,
  type Relation,
  type TableDefinition,
  ValueError,
} from "../../src/model/replication/relation.ts";
import { TableError } from "../../src/model/replication/table-error.ts";
import type { Progress, TablePhase, TableRecord } from "../../src/model/replication/table-state.ts";
import { fieldUnchanged } from "../../src/model/replication/tuple.ts";
import { decodedField, decodedRows } from "./pg-decoded.ts";
import { digestField } from "./canonical-text.ts";

type Row = (string | null)[];

/** Rows by the text of what identifies them, and how many there are of each. */
interface Rows {
  relation: Relation;
  readonly byIdentity: Map<string, { row: Row; count: number }>;
}

interface ModelTable {
  definition: TableDefinition;
  phase: TablePhase;
  /** Being copied, or copied and not yet revealed. */
  hidden: Rows | undefined;
  visible: Rows | undefined;
}

interface Pending {
  readonly block: Block;
  readonly from: number;
  readonly to: number;
}

interface Slice extends Pending {
  /** Rows by the offsets of their tuples. */
  readonly tuples: ReadonlyMap<number, Row>;
}

/**
 * A target as plain as it can be: applies a stream row by row, at cuts, and throws at whatever must not happen, such as
 * a row that is inserted twice or deleted without being there.
 */
export class StreamModel {
  readonly #tables = new Map<string, ModelTable>();
  #pending: Pending[] = [];
  #pendingCopies: Pending[] = [];
  #checkpoint: Position | undefined;
  #copies: Position | undefined;
  readonly #sequences = new Map<Position, bigint>();
  transactions = 0;
  copiedRows = 0;
  readonly events: string[] = [];

  get progress(): Progress {
    const tables = [...this.#tables.values()].map(({ definition, phase, visible }): TableRecord => ({
      // As if it had been stored and read again.
      definition: JSON.parse(JSON.stringify(definitionOf(definition))) as TableDefinition,
      phase,
      visible: visible !== undefined,
      updatedAtMs: 0,
    }));
    return { checkpoint: this.#checkpoint, copies: this.#copies, tables };
  }

  get checkpoint(): Position | undefined {
    return this.#checkpoint;
  }

  /** What a crash leaves: everything up to the last cut. */
  crash(): void {
    this.#pending = [];
    this.#pendingCopies = [];
  }

  /** As `DestinationDatabase.failTable`. */
  failTable(definition: TableDefinition, reason: TableFailureReason): void {
    this.#event({ kind: "failed", relation: definition, reason });
  }

  apply(block: Block): void {
    for (const cut of this.#applyTo(this.#pending, block)) {
      this.#expectSequence(cut);
      this.#checkpoint = cut.position;
      this.transactions += cut.transactions;
    }
  }

  /** Whether the target has every table of a block of copies. */
  isAnnounced({ relations, events }: Block): boolean {
    const tables = [...relations, ...events].map(({ relation }) => relation);
    return tables.every((relation) => {
      const table = this.#tables.get(relation.id);
      return table?.phase.kind === "copying" && table.hidden?.relation === relation;
    });
  }

  /** As `DestinationDatabase.applyCopies`. Returns the position up to which everything is held. */
  applyCopies(block: Block): Position | undefined {
    const position = this.#applyTo(this.#pendingCopies, block).at(-1)?.position;
    this.#copies = position ?? this.#copies;
    return position;
  }

  #applyTo(pending: Pending[], block: Block): readonly Cut[] {
    let from = 0;
    for (const cut of block.cuts) {
      pending.push({ block, from, to: cut.after });
      from = cut.after;
      // A value that cannot be kept is met before anything is applied.
      const slices = pending.map((each) => ({ ...each, tuples: decodedTuples(each) }));
      for (const slice of slices) this.#applySlice(slice, pending === this.#pendingCopies);
      pending.length = 0;
    }
    if (from < block.count) pending.push({ block, from, to: block.count });
    return block.cuts;
  }

  /** Tables by name that readers see, with their digests. */
  digests(): Map<string, TableDigest> {
    const found = new Map<string, TableDigest>();
    for (const { definition, visible } of this.#tables.values())
      if (visible !== undefined) found.set(nameOf(definition), digestOf(visible));
    return found;
  }

  /** The state of the table of this name, of a dropped one only if there is no other. */
  phase(name: string): TablePhase | undefined {
    const tables = [...this.#tables.values()].filter(({ definition }) => nameOf(definition) === name);
    return (tables.find(({ phase }) => phase.kind !== "deleted") ?? tables.at(-1))?.phase;
  }

  rows(name: string): Row[] {
    const table = [...this.#tables.values()].find(
      ({ definition, visible }) => nameOf(definition) === name && visible !== undefined,
    );
    return [...(table?.visible?.byIdentity.values() ?? [])].flatMap(({ row, count }) =>
      Array.from({ length: count }, () => row),
    );
  }

  columns(name: string): string[] {
    const table = [...this.#tables.values()].find(
      ({ definition, visible }) => nameOf(definition) === name && visible !== undefined,
    );
    return table?.visible?.relation.columns.map((column) => column.name) ?? [];
  }

  /** Sequences never decrease, and each place keeps its own, however often it is read. */
  #expectSequence({ position, sequence }: Cut): void {
    const last = this.#checkpoint === undefined ? 0n : (this.#sequences.get(this.#checkpoint) ?? 0n);
    if (sequence < last) throw new Error(`a cut has sequence ${sequence} after ${last}`);
    if ((this.#sequences.get(position) ?? sequence) !== sequence)
      throw new Error(`the cut at ${position} has another sequence than before`);
    this.#sequences.set(position, sequence);
  }

  #applySlice({ block, from, to, tuples }: Slice, isCopy: boolean): void {
    for (let at = from; at < to; at += 1) {
      const subject = block.subjects[at] ?? -1;
      if (block.kinds[at] === change.event) this.#event(block.events[subject], isCopy);
      else this.#row({ block, at, tuples }, block.relations[subject]?.relation, isCopy);
    }
  }

  #row(changed: RowChange, relation: Relation | undefined, isCopy: boolean): void {
    if (relation === undefined) throw new Error("a row without a relation");
    const table = this.#tables.get(relation.id);
    const rows = table?.hidden ?? table?.visible;
    if (table === undefined || rows === undefined)
      throw new Error(`a row of ${nameOf(relation)}, which is not held`);
    expectPhase(table, isCopy ? ["copying"] : ["copied", "synced"]);
    if (rows.relation !== relation) {
      if (JSON.stringify(definitionOf(rows.relation)) !== JSON.stringify(definitionOf(relation)))
        throw new Error(`a row of ${nameOf(relation)} in another shape than the target holds`);
      rows.relation = relation;
    }
    if (changed.block.isCopied) this.copiedRows += 1;
    changeRow(rows, changed);
  }

  #event(event: TableEvent | undefined, isCopy = false): void {
    if (event === undefined) throw new Error("an event is missing");
    const ofCopies = event.kind === "truncated" || event.kind === "copied-part";
    if (isCopy && !ofCopies) throw new Error(`${event.kind} among copied rows`);
    if (event.kind !== "copied-part") this.events.push(`${event.kind} ${nameOf(event.relation)}`);
    const { id } = event.relation;
    const table = this.#tables.get(id) ?? {
      definition: event.relation,
      phase: { kind: "copying" },
      hidden: undefined,
      visible: undefined,
    };
    this.#tables.set(id, table);
    if (event.kind === "truncated") expectPhase(table, isCopy ? ["copying"] : ["copied", "synced"]);
    apply(table, event);
  }
}

interface RowChange {
  readonly block: Block;
  readonly at: number;
  /** Rows by the offsets of their tuples. */
  readonly tuples: ReadonlyMap<number, Row>;
}

/**
 * All tuples of a slice, decoded relation by relation, because decoding row by row takes minutes. Throws a `TableError`
 * where one table's values cannot be kept.
 */
function decodedTuples({ block, from, to }: Pending): Map<number, Row> {
  const rows = new Map<number, Row>();
  for (const [subject, { relation, layout }] of block.relations.entries()) {
    const changes = Array.from({ length: to - from }, (_, index) => from + index).filter(
      (at) => block.kinds[at] !== change.event && block.subjects[at] === subject,
    );
    const offsets = changes
      .flatMap((at) => [block.oldTuples[at] ?? noTuple, block.newTuples[at] ?? noTuple])
      .filter((offset) => offset !== noTuple);
    const { region } = block;
    const decoded = decodedOf(relation, { layout, region, offsets: Int32Array.from(offsets) });
    for (const [index, offset] of offsets.entries()) rows.set(offset, decoded[index] ?? []);
  }
  return rows;
}

function decodedOf(relation: Relation, tuples: Parameters<typeof decodedRows>[0]): Row[] {
  try {
    return decodedRows(tuples, relation.columns);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new TableError({
      code: "VALUE_OUT_OF_RANGE",
      table: relation,
      message: error.message,
      cause: error,
    });
  }
}

function changeRow(rows: Rows, changed: RowChange): void {
  const { block, at, tuples } = changed;
  const before = tuples.get(block.oldTuples[at] ?? noTuple);
  const after = tuples.get(block.newTuples[at] ?? noTuple);
  const { isRepeated } = block;
  if (block.kinds[at] === change.insert) {
    if (isRepeated && isKeyed(rows)) takeIfHeld(rows, after);
    add(rows, after);
    return;
  }
  const held = isRepeated ? takeIfHeld(rows, before ?? after) : take(rows, before ?? after);
  if (block.kinds[at] !== change.update || after === undefined) return;
  if (held === undefined && unchangedOf(changed).size > 0) return;
  if (isRepeated && isKeyed(rows)) takeIfHeld(rows, after);
  const unchanged = unchangedOf(changed);
  add(
    rows,
    after.map((value, index) => (unchanged.has(index) ? (held?.[index] ?? null) : value)),
  );
}

function apply(table: ModelTable, event: TableEvent): void {
  switch (event.kind) {
    case "copied-part":
    case "copy-resumed":
      copying(table, event);
      return;
    case "copy-started":
      table.definition = event.relation;
      table.phase = { kind: "copying" };
      table.hidden = { relation: event.relation, byIdentity: new Map() };
      return;
    case "copy-finished":
      expectPhase(table, ["copying"]);
      table.phase = { kind: "copied", position: event.position };
      return;
    case "revealed": {
      expectPhase(table, ["copied"]);
      const { phase } = table;
      table.visible = table.hidden;
      table.hidden = undefined;
      table.phase = { kind: "synced", position: phase.kind === "copied" ? phase.position : ("" as Position) };
      return;
    }
    case "altered": {
      expectPhase(table, ["copied", "synced"]);
      table.definition = event.relation;
      const rows = table.hidden ?? table.visible;
      if (rows !== undefined) alter(rows, event.relation, event.changes);
      return;
    }
    case "truncated":
      (table.hidden ?? table.visible)?.byIdentity.clear();
      return;
    case "dropped":
      table.phase = { kind: "deleted" };
      table.hidden = undefined;
      table.visible = undefined;
      return;
    case "failed":
      table.definition = event.relation;
      table.phase = { kind: "failed", reason: event.reason };
      table.hidden = undefined;
  }
}

function copying(
  table: ModelTable,
  event: Extract<TableEvent, { kind: "copied-part" | "copy-resumed" }>,
): void {
  expectPhase(table, ["copying"]);
  if (event.kind === "copied-part") table.phase = { kind: "copying", progress: event.progress };
  else if (table.hidden === undefined) throw new Error("a copy that is resumed has begun");
  else table.hidden.relation = event.relation;
}

function expectPhase({ definition, phase }: ModelTable, kinds: readonly TablePhase["kind"][]): void {
  if (!kinds.includes(phase.kind))
    throw new Error(`${nameOf(definition)} is ${phase.kind}, not ${kinds.join(" or ")}`);
}

function alter(rows: Rows, relation: Relation, changes: readonly ColumnChange[]): void {
  const names = rows.relation.columns.map(({ name }) => name);
  const all = [...rows.byIdentity.values()];
  for (const step of changes) {
    const at = (name: string): number => {
      const index = names.indexOf(name);
      if (index < 0) throw new Error(`column ${name} is not there`);
      return index;
    };
    if (step.kind === "added") {
      if (names.includes(step.column.name)) throw new Error(`column ${step.column.name} is there already`);
      names.push(step.column.name);
      const value = step.fill === null ? null : decodedField(step.fill, step.column);
      for (const { row } of all) row.push(value);
    } else if (step.kind === "dropped") {
      const index = at(step.name);
      names.splice(index, 1);
      for (const { row } of all) row.splice(index, 1);
    } else if (step.kind === "renamed") {
      if (names.includes(step.to)) throw new Error(`column ${step.to} is there already`);
      names[at(step.from)] = step.to;
    }
  }
  if (names.join() !== relation.columns.map(({ name }) => name).join())
    throw new Error(`${nameOf(relation)} was altered to ${names.join()}`);
  rows.relation = relation;
  rows.byIdentity.clear();
  for (const { row, count } of all) for (let copy = 0; copy < count; copy += 1) add(rows, row);
}

function identityOf({ identity }: Relation, row: Row): string {
  return JSON.stringify(identity.kind === "row" ? row : identity.columns.map((column) => row[column]));
}

function add(rows: Rows, row: Row | undefined): void {
  if (row === undefined) throw new Error("an insert has a row");
  const identity = identityOf(rows.relation, row);
  const found = rows.byIdentity.get(identity);
  if (found === undefined) rows.byIdentity.set(identity, { row, count: 1 });
  else if (rows.relation.identity.kind === "row") found.count += 1;
  else throw new Error(`${nameOf(rows.relation)} has ${identity} twice`);
}

function isKeyed({ relation }: Rows): boolean {
  return relation.identity.kind === "key";
}

function take(rows: Rows, row: Row | undefined): Row {
  const taken = takeIfHeld(rows, row);
  if (taken === undefined) throw new Error(`${nameOf(rows.relation)} lacks ${JSON.stringify(row)}`);
  return taken;
}

function takeIfHeld(rows: Rows, row: Row | undefined): Row | undefined {
  if (row === undefined) throw new Error("a delete has a row");
  const identity = identityOf(rows.relation, row);
  const found = rows.byIdentity.get(identity);
  if (found === undefined) return undefined;
  found.count -= 1;
  if (found.count === 0) rows.byIdentity.delete(identity);
  return found.row;
}

/** Columns that were not sent with the new version of a row. */
function unchangedOf({ block, at }: RowChange): Set<number> {
  const { region } = block;
  const offset = block.newTuples[at] ?? noTuple;
  const subject = present(block.relations[block.subjects[at] ?? -1], "a relation stands in its block");
  const columns = [...subject.relation.columns.keys()];
  const lengths = new Int32Array(columns.length);
  subject.layout.locateFew({ region, offset, columns }, new Int32Array(columns.length), lengths);
  return new Set(columns.filter((column) => lengths[column] === fieldUnchanged));
}

function digestOf({ relation, byIdentity }: Rows): TableDigest {
  const digests = new RowDigests();
  const kinds = relation.columns.map(({ type }) => type.kind);
  for (const { row, count } of byIdentity.values())
    for (let copy = 0; copy < count; copy += 1)
      digests.add(row.map((text, index) => digestField(kinds[index] ?? "text", text)));
  return digests.result();
}

export function nameOf({ name }: TableDefinition): string {
  return `${name.schema}.${name.table}`;
}
