import { present } from "../../src/base/assert.ts";
import { change, noTuple, type Block, type Cut, type TableEvent } from "../../src/model/replication/block.ts";
import type { Delta, RowsStep } from "../../src/model/replication/delta.ts";
import { asPosition } from "../../src/model/replication/position.ts";
import type { Relation, ReplicaIdentity } from "../../src/model/replication/relation.ts";
import { fieldNull, fieldUnchanged, type TupleRun } from "../../src/model/replication/tuple.ts";
import { pgoutputTuple } from "../../src/wire/postgres/pgoutput/tuple.ts";

/** A field as tests write it: text, NULL, or not sent. */
export type Field = string | null | undefined;

export interface TestChange {
  readonly kind: number;
  readonly relation: Relation;
  readonly before?: readonly Field[];
  readonly after?: readonly Field[];
  readonly event?: TableEvent;
}

export function testRelation(id: string, columns: number, identity: ReplicaIdentity): Relation {
  return {
    id,
    name: { schema: "public", table: `t${id}` },
    identity,
    columns: Array.from({ length: columns }, (_, index) => ({
      id: index + 1,
      name: `c${index}`,
      type: { kind: "text" },
      sourceType: "text",
      decode: () => {},
    })),
  };
}

/** A block in the bytes that PostgreSQL would send, with one cut at its end where `position` is given. */
export function testBlock(changes: readonly TestChange[], position?: string): Block {
  const tuples: { fields: readonly Field[]; offset: number }[] = [];
  let size = 0;
  const place = (fields: readonly Field[] | undefined): number => {
    if (fields === undefined) return noTuple;
    const offset = size;
    size += pgoutputTuple.sizeOf(pieces(fields));
    tuples.push({ fields, offset });
    return offset;
  };
  const relations = [...new Set(changes.map(({ relation }) => relation))];
  const events = changes.flatMap(({ event }) => (event === undefined ? [] : [event]));
  const oldTuples = Int32Array.from(changes, ({ before }) => place(before));
  const newTuples = Int32Array.from(changes, ({ after }) => place(after));
  const region = new Uint8Array(size);
  for (const { fields, offset } of tuples) pgoutputTuple.compose(pieces(fields), region, offset);
  const cut: Cut[] =
    position === undefined
      ? []
      : [{ after: changes.length, position: asPosition(position), committedAtMs: 1, transactions: 1 }];
  return {
    layout: pgoutputTuple,
    region,
    count: changes.length,
    kinds: Uint8Array.from(changes, ({ kind }) => kind),
    subjects: Int32Array.from(changes, ({ relation, event }) =>
      event === undefined ? relations.indexOf(relation) : events.indexOf(event),
    ),
    oldTuples,
    newTuples,
    relations,
    events,
    cuts: cut,
    checkpointWanted: false,
  };
}

function pieces(fields: readonly Field[]) {
  return fields.map((field) => {
    if (field === undefined) return { region: new Uint8Array(0), start: 0, length: fieldUnchanged };
    if (field === null) return { region: new Uint8Array(0), start: 0, length: fieldNull };
    const region = Buffer.from(field);
    return { region, start: 0, length: region.length };
  });
}

/** The tuples of runs as tests write them. */
export function rowsOf(runs: readonly TupleRun[], columns: number): Field[][] {
  const starts = new Int32Array(columns);
  const lengths = new Int32Array(columns);
  return runs.flatMap(({ layout, region, offsets }) =>
    [...offsets].map((offset) => {
      layout.locateFew({ region, offset, columns: [...starts.keys()] }, starts, lengths);
      return [...lengths].map((length, column): Field => {
        if (length === fieldNull) return null;
        if (length === fieldUnchanged) return undefined;
        const start = present(starts[column], "a field has a start");
        return Buffer.from(region.subarray(start, start + length)).toString();
      });
    }),
  );
}

/** A target in memory: applies deltas as the contract of `RowsStep` says, and refuses what breaks it. */
export class TargetModel {
  readonly rows = new Map<string, Field[][]>();

  apply(delta: Delta): void {
    for (const step of delta.steps) {
      if (step.kind === "rows") this.#rowsStep(step);
      else if (step.event.kind === "truncated") this.rows.set(step.event.relation.id, []);
    }
  }

  #rowsStep({ relation, deletes, inserts, updates }: RowsStep): void {
    const columns = relation.columns.length;
    const key = relation.identity.kind === "key" ? relation.identity.columns : [...relation.columns.keys()];
    const keyOf = (row: readonly Field[]) => JSON.stringify(key.map((column) => row[column]));
    let rows = this.rows.get(relation.id) ?? [];
    const merged = updates.flatMap(({ tuples, keys, unchanged }) => {
      const origins = rowsOf(keys, columns);
      return rowsOf(tuples, columns).map((row, index) => {
        const origin = keyOf(present(origins[index], "each updated row has a key"));
        const held = present(
          rows.find((other) => keyOf(other) === origin),
          "an updated row is at the target",
        );
        return row.map((field, column) => (unchanged.includes(column) ? held[column] : field));
      });
    });
    for (const gone of rowsOf(deletes, columns)) {
      const index = rows.findIndex((row) => keyOf(row) === keyOf(gone));
      if (index < 0) throw new Error(`deletes a row that the target does not hold: ${keyOf(gone)}`);
      rows = rows.toSpliced(index, 1);
    }
    rows = [...rows, ...rowsOf(inserts, columns), ...merged];
    if (rows.flat().includes(undefined)) throw new Error("a row is left with a column that was not sent");
    if (relation.identity.kind === "key" && new Set(rows.map(keyOf)).size < rows.length)
      throw new Error("two rows have one key");
    this.rows.set(relation.id, rows);
  }
}

export { change };
