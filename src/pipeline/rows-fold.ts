import { assert, present } from "../base/assert.ts";
import { change } from "../model/replication/block.ts";
import type { Move, Patch, RowsStep } from "../model/replication/delta.ts";
import type { Relation } from "../model/replication/relation.ts";
import { fieldUnchanged, type Piece, type TupleRun } from "../model/replication/tuple.ts";
import { grown, KeyTable } from "./key-table.ts";
import { PairRunBuilder, RunBuilder, type Regions, type TupleRef } from "./regions.ts";

/** One change of a row: offsets in the region with that number, or `noTuple`. */
export interface RowChange {
  readonly kind: number;
  readonly region: number;
  readonly oldTuple: number;
  readonly newTuple: number;
}

/** Folds changes of one relation into their net effect. */
export interface RowsFold {
  readonly relation: Relation;
  /** As in `Block`. */
  readonly isRepeated: boolean;
  readonly add: (change: RowChange) => void;
  readonly step: () => RowsStep | undefined;
}

export function rowsFold(relation: Relation, regions: Regions, isRepeated: boolean): RowsFold {
  return relation.identity.kind === "key"
    ? new KeyedFold(relation, regions, { columns: relation.identity.columns, isRepeated })
    : new MultisetFold(relation, regions, isRepeated);
}

/** Rows of a copy: only inserts of distinct rows, in the order of arrival. */
export class AppendFold implements RowsFold {
  readonly relation: Relation;
  readonly isRepeated = false;
  readonly #runs: TupleRun[] = [];
  #changes = 0;

  constructor(relation: Relation) {
    this.relation = relation;
  }

  add(): void {
    assert(false, "a copied table has no single changes");
  }

  append(run: TupleRun): void {
    this.#runs.push(run);
    this.#changes += run.offsets.length;
  }

  step(): RowsStep | undefined {
    if (this.#changes === 0) return undefined;
    const { relation } = this;
    const changes = this.#changes;
    return { kind: "rows", relation, ...noRows, inserts: this.#runs, isRepeated: false, changes };
  }
}

const noRows = { deletes: [], inserts: [], patches: [], moves: [] };

const none = -1;

/** A row with columns whose values only the target has. */
interface PartialRow {
  readonly unchanged: readonly number[];
  /** Number of the key under which the target stores the row. */
  readonly origin: number;
}

/**
 * Relations with a key: keeps the last row of each key. A key whose first change is an insert has no row at the target,
 * so nothing is deleted for it: a batch of inserts remains a batch of inserts.
 */
class KeyedFold implements RowsFold {
  readonly relation: Relation;
  readonly isRepeated: boolean;
  readonly #regions: Regions;
  readonly #keyColumns: readonly number[];
  readonly #keys: KeyTable;
  readonly #fields: FieldReader;
  #changes = 0;
  // By key number: its current row (none: deleted), whether the target has a row with this key, and the columns of the
  // current row whose values only the target has.
  #rowRegions = new Int32Array(0);
  #rowOffsets = new Int32Array(0);
  #held = new Int32Array(0);
  readonly #partials = new Map<number, PartialRow>();

  constructor(
    relation: Relation,
    regions: Regions,
    { columns, isRepeated }: { readonly columns: readonly number[]; readonly isRepeated: boolean },
  ) {
    this.relation = relation;
    this.isRepeated = isRepeated;
    this.#regions = regions;
    this.#keyColumns = columns;
    this.#keys = new KeyTable(regions, columns);
    this.#fields = new FieldReader(relation, regions);
  }

  add({ kind, region, oldTuple, newTuple }: RowChange): void {
    this.#changes += 1;
    if (kind === change.insert) this.#set(this.#entry(region, newTuple, 0), { region, offset: newTuple });
    else if (kind === change.delete) this.#remove(this.#entry(region, oldTuple, 1));
    else this.#update(region, oldTuple >= 0 ? oldTuple : newTuple, newTuple);
  }

  #update(region: number, before: number, after: number): void {
    const previous = this.#entry(region, before, 1);
    const unchanged = this.#fields.unchanged(region, after);
    let row: TupleRef = { region, offset: after };
    let partial: PartialRow | undefined;
    if (unchanged.length > 0) {
      const sent = this.#withKey(row, { unchanged, before });
      ({ row, partial } = this.#fill(previous, sent.row, sent.unchanged));
    }
    let entry = previous;
    if (before !== after) {
      this.#remove(previous);
      entry = this.#entry(row.region, row.offset, 0);
    }
    this.#set(entry, row);
    if (partial !== undefined) this.#partials.set(entry, partial);
  }

  /** Fills key columns that were not sent, from the tuple before, which then contains the whole key. */
  #withKey(row: TupleRef, sent: { readonly unchanged: readonly number[]; readonly before: number }) {
    const { unchanged, before } = sent;
    const inKey = unchanged.filter((column) => this.#keyColumns.includes(column));
    if (inKey.length === 0) return { row, unchanged };
    return {
      row: this.#fields.merge(row, { region: row.region, offset: before }, inKey),
      unchanged: unchanged.filter((column) => !inKey.includes(column)),
    };
  }

  /** Fills columns that were not sent from the previous row in this batch, if any; the target fills the others. */
  #fill(
    previous: number,
    row: TupleRef,
    unchanged: readonly number[],
  ): { readonly row: TupleRef; readonly partial: PartialRow | undefined } {
    const held = this.#rowRegions[previous] ?? none;
    if (unchanged.length === 0) return { row, partial: undefined };
    if (held === none) return { row, partial: { unchanged, origin: previous } };
    const base = { region: held, offset: this.#rowOffsets[previous] ?? 0 };
    const merged = this.#fields.merge(row, base, unchanged);
    const left = this.#partials.get(previous);
    const both = left?.unchanged.filter((column) => unchanged.includes(column)) ?? [];
    if (left === undefined || both.length === 0) return { row: merged, partial: undefined };
    return { row: merged, partial: { unchanged: both, origin: left.origin } };
  }

  /** The number of the tuple's key. `held`: what a first change of this kind implies about the target. */
  #entry(region: number, offset: number, held: 0 | 1): number {
    const number = this.#keys.numberOf(region, offset);
    if (!this.#keys.added) return number;
    if (number >= this.#held.length) this.#grow();
    this.#held[number] = this.isRepeated ? 1 : held;
    this.#rowRegions[number] = none;
    return number;
  }

  #grow(): void {
    const length = Math.max(256, this.#held.length * 2);
    this.#held = grown(this.#held, length);
    this.#rowRegions = grown(this.#rowRegions, length);
    this.#rowOffsets = grown(this.#rowOffsets, length);
  }

  #set(entry: number, row: TupleRef): void {
    this.#rowRegions[entry] = row.region;
    this.#rowOffsets[entry] = row.offset;
    if (this.#partials.size > 0) this.#partials.delete(entry);
  }

  #remove(entry: number): void {
    this.#rowRegions[entry] = none;
    if (this.#partials.size > 0) this.#partials.delete(entry);
  }

  step(): RowsStep | undefined {
    const deletes = new RunBuilder(this.#regions);
    const inserts = new RunBuilder(this.#regions);
    for (let entry = 0; entry < this.#keys.count; entry++) {
      const region = this.#rowRegions[entry] ?? none;
      const partial = region === none ? undefined : this.#partials.get(entry);
      const stays = partial?.origin === entry;
      if (this.#held[entry] === 1 && !stays)
        deletes.add(this.#keys.regionOf(entry), this.#keys.offsetOf(entry));
      if (region !== none && partial === undefined) inserts.add(region, this.#rowOffsets[entry] ?? 0);
    }
    const { relation } = this;
    const rows = { deletes: deletes.runs(), inserts: inserts.runs(), ...this.#partialRows() };
    if (Object.values(rows).every(({ length }) => length === 0)) return undefined;
    return { kind: "rows", relation, ...rows, isRepeated: this.isRepeated, changes: this.#changes };
  }

  #partialRows(): { readonly patches: Patch[]; readonly moves: Move[] } {
    const groups = new Map<string, PartialGroup>();
    for (const [entry, { unchanged, origin }] of this.#partials) {
      const name = unchanged.join();
      const group = groups.get(name) ?? new PartialGroup(unchanged, this.#regions);
      groups.set(name, group);
      const row = { region: this.#rowRegions[entry] ?? none, offset: this.#rowOffsets[entry] ?? 0 };
      if (origin === entry) group.patch(row);
      else group.move(row, { region: this.#keys.regionOf(origin), offset: this.#keys.offsetOf(origin) });
    }
    const all = [...groups.values()];
    return { patches: all.flatMap((group) => group.patches()), moves: all.flatMap((group) => group.moves()) };
  }
}

/** Rows that lack the same columns. */
class PartialGroup {
  readonly #unchanged: readonly number[];
  readonly #patched: RunBuilder;
  readonly #moved: PairRunBuilder;

  constructor(unchanged: readonly number[], regions: Regions) {
    this.#unchanged = unchanged;
    this.#patched = new RunBuilder(regions);
    this.#moved = new PairRunBuilder(regions);
  }

  patch(row: TupleRef): void {
    this.#patched.add(row.region, row.offset);
  }

  move(row: TupleRef, key: TupleRef): void {
    this.#moved.add(row, key);
  }

  /** Returns one patch, or none if no row is patched. */
  patches(): Patch[] {
    const tuples = this.#patched.runs();
    return tuples.length === 0 ? [] : [{ unchanged: this.#unchanged, tuples }];
  }

  /** Returns one move, or none if no row moves. */
  moves(): Move[] {
    const { left: tuples, right: keys } = this.#moved.runs();
    return tuples.length === 0 ? [] : [{ unchanged: this.#unchanged, tuples, keys }];
  }
}

/** Relations identified by their whole rows: counts how many more or fewer copies of each row there are. */
class MultisetFold implements RowsFold {
  readonly relation: Relation;
  readonly isRepeated: boolean;
  readonly #regions: Regions;
  readonly #rows: KeyTable;
  readonly #fields: FieldReader;
  readonly #counts: number[] = [];
  #changes = 0;

  constructor(relation: Relation, regions: Regions, isRepeated: boolean) {
    this.relation = relation;
    this.isRepeated = isRepeated;
    this.#regions = regions;
    this.#rows = new KeyTable(regions, [...relation.columns.keys()]);
    this.#fields = new FieldReader(relation, regions);
  }

  add({ kind, region, oldTuple, newTuple }: RowChange): void {
    this.#changes += 1;
    if (kind !== change.insert) {
      assert(oldTuple >= 0, "a relation without a key sends whole old rows");
      this.#count({ region, offset: oldTuple }, -1);
    }
    if (kind !== change.delete) this.#count(this.#whole(region, oldTuple, newTuple), 1);
  }

  #whole(region: number, oldTuple: number, newTuple: number): TupleRef {
    const row = { region, offset: newTuple };
    const unchanged = this.#fields.unchanged(region, newTuple);
    if (oldTuple < 0 || unchanged.length === 0) return row;
    return this.#fields.merge(row, { region, offset: oldTuple }, unchanged);
  }

  #count(row: TupleRef, by: number): void {
    const number = this.#rows.numberOf(row.region, row.offset);
    this.#counts[number] = (this.#counts[number] ?? 0) + by;
  }

  step(): RowsStep | undefined {
    const deletes = new RunBuilder(this.#regions);
    const inserts = new RunBuilder(this.#regions);
    this.#counts.forEach((count, number) => {
      const runs = count < 0 ? deletes : inserts;
      for (let copy = 0; copy < Math.abs(count); copy++)
        runs.add(this.#rows.regionOf(number), this.#rows.offsetOf(number));
    });
    const { relation } = this;
    const rows = { ...noRows, deletes: deletes.runs(), inserts: inserts.runs() };
    if (rows.deletes.length + rows.inserts.length === 0) return undefined;
    return { kind: "rows", relation, ...rows, isRepeated: this.isRepeated, changes: this.#changes };
  }
}

const noColumns: readonly number[] = [];

/** Reads all fields of single tuples, to find those that were not sent and fill them from other tuples. */
class FieldReader {
  readonly #regions: Regions;
  readonly #columns: readonly number[];
  readonly #starts: Int32Array;
  readonly #lengths: Int32Array;
  /** Region of the tuple that was merged last. */
  #merged = -1;

  constructor(relation: Relation, regions: Regions) {
    this.#regions = regions;
    this.#columns = [...relation.columns.keys()];
    this.#starts = new Int32Array(relation.columns.length);
    this.#lengths = new Int32Array(relation.columns.length);
  }

  /** Indexes of the columns that the source did not send. */
  unchanged(region: number, offset: number): readonly number[] {
    this.#locate({ region, offset });
    if (!this.#lengths.includes(fieldUnchanged)) return noColumns;
    return this.#columns.filter((column) => this.#lengths[column] === fieldUnchanged);
  }

  /** The tuple with these columns taken from `base` (which may lack some too). */
  merge(tuple: TupleRef, base: TupleRef, columns: readonly number[]): TupleRef {
    const pieces = this.#pieces(tuple);
    const before = this.#pieces(base);
    for (const column of columns)
      pieces[column] = present(before[column], "both tuples have the same columns");
    const { layout } = this.#regions.get(tuple.region);
    const merged = this.#regions.compose(layout, pieces, this.#merged);
    this.#merged = merged.region;
    return merged;
  }

  #pieces(tuple: TupleRef): Piece[] {
    const { bytes } = this.#locate(tuple);
    return this.#columns.map((column) => ({
      region: bytes,
      start: this.#starts[column] ?? 0,
      length: this.#lengths[column] ?? 0,
    }));
  }

  #locate({ region, offset }: TupleRef) {
    const found = this.#regions.get(region);
    found.layout.locateFew(
      { region: found.bytes, offset, columns: this.#columns },
      this.#starts,
      this.#lengths,
    );
    return found;
  }
}
