import { change, noTuple, type Block, type Cut, type TableEvent } from "../../src/model/replication/block.ts";
import { asPosition } from "../../src/model/replication/position.ts";
import type { Relation, ReplicaIdentity } from "../../src/model/replication/relation.ts";
import { fieldNull, fieldUnchanged, type TupleLayout } from "../../src/model/replication/tuple.ts";
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

/**
 * A block in the bytes that PostgreSQL would send unless tables have other layouts, with one cut at its end where
 * `position`, a number, is given.
 */
export function testBlock(
  changes: readonly TestChange[],
  position?: string,
  layoutOf: (relation: Relation) => TupleLayout = () => pgoutputTuple,
): Block {
  const tuples: { fields: readonly Field[]; offset: number; layout: TupleLayout }[] = [];
  let size = 0;
  const place = (fields: readonly Field[] | undefined, layout: TupleLayout): number => {
    if (fields === undefined) return noTuple;
    const offset = size;
    size += layout.sizeOf(pieces(fields));
    tuples.push({ fields, offset, layout });
    return offset;
  };
  const relations = [...new Set(changes.map(({ relation }) => relation))];
  const events = changes.flatMap(({ event }) => (event === undefined ? [] : [event]));
  const oldTuples = Int32Array.from(changes, ({ before, relation }) => place(before, layoutOf(relation)));
  const newTuples = Int32Array.from(changes, ({ after, relation }) => place(after, layoutOf(relation)));
  const region = new Uint8Array(size);
  for (const { fields, offset, layout } of tuples) layout.compose(pieces(fields), region, offset);
  const cut: Omit<Cut, "position" | "sequence"> = {
    after: changes.length,
    committedAtMs: 1,
    transactions: 1,
  };
  return {
    region,
    count: changes.length,
    kinds: Uint8Array.from(changes, ({ kind }) => kind),
    subjects: Int32Array.from(changes, ({ relation, event }) =>
      event === undefined ? relations.indexOf(relation) : events.indexOf(event),
    ),
    oldTuples,
    newTuples,
    relations: relations.map((relation) => ({ relation, layout: layoutOf(relation) })),
    events,
    cuts:
      position === undefined ? [] : [{ ...cut, position: asPosition(position), sequence: BigInt(position) }],
    isCopied: false,
    isRepeated: false,
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

export { change };
