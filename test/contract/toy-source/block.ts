import {
  change,
  noTuple,
  type Block,
  type Cut,
  type TableEvent,
} from "../../../src/model/replication/block.ts";
import { asPosition } from "../../../src/model/replication/position.ts";
import type { Relation } from "../../../src/model/replication/relation.ts";
import { plainTuple, runOf, type Cell } from "../../support/plain-tuples.ts";

type RowKind = "insert" | "update" | "delete";

/** A row's change with whole rows, or an event. */
export type Change =
  | { readonly event: TableEvent }
  | {
      readonly kind: RowKind;
      readonly relation: Relation;
      readonly before?: readonly Cell[];
      readonly after?: readonly Cell[];
    };

interface BlockParts {
  readonly changes: readonly Change[];
  readonly cut: Omit<Cut, "after" | "position"> & { readonly position: string };
  readonly isCopied?: boolean;
  readonly checkpointWanted?: boolean;
}

/** A block that ends at a cut. */
export function blockOf({ changes, cut, isCopied = false, checkpointWanted = false }: BlockParts): Block {
  const relations: Relation[] = [];
  const events: TableEvent[] = [];
  const regions: Uint8Array[] = [];
  let size = 0;
  const place = (relation: Relation, row: readonly Cell[] | undefined): number => {
    if (row === undefined) return noTuple;
    const offset = size;
    const { region } = runOf(relation, [row]);
    regions.push(region);
    size += region.length;
    return offset;
  };
  const placed = changes.map((each) => {
    if ("event" in each)
      return { kind: change.event, subject: events.push(each.event) - 1, before: noTuple, after: noTuple };
    const { kind, relation, before, after } = each;
    const known = relations.indexOf(relation);
    const subject = known < 0 ? relations.push(relation) - 1 : known;
    return { kind: change[kind], subject, before: place(relation, before), after: place(relation, after) };
  });
  return {
    region: Buffer.concat(regions),
    count: changes.length,
    kinds: Uint8Array.from(placed, ({ kind }) => kind),
    subjects: Int32Array.from(placed, ({ subject }) => subject),
    oldTuples: Int32Array.from(placed, ({ before }) => before),
    newTuples: Int32Array.from(placed, ({ after }) => after),
    relations: relations.map((relation) => ({ relation, layout: plainTuple })),
    events,
    cuts: [{ ...cut, after: changes.length, position: asPosition(cut.position) }],
    isCopied,
    isRepeated: false,
    checkpointWanted,
  };
}
