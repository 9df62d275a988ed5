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

/** A row's change with whole rows, or an event. */
export type Change =
  | { readonly event: TableEvent }
  | {
      readonly kind: "insert" | "update" | "delete";
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
  const events = changes.flatMap((each) => ("event" in each ? [each.event] : []));
  const relations = [...new Set(changes.flatMap((each) => ("event" in each ? [] : [each.relation])))];
  const regions: Uint8Array[] = [];
  let size = 0;
  const place = (each: Change, version: "before" | "after"): number => {
    const row = "event" in each ? undefined : each[version];
    if ("event" in each || row === undefined) return noTuple;
    const { region } = runOf(each.relation, [row]);
    regions.push(region);
    size += region.length;
    return size - region.length;
  };
  const oldTuples = Int32Array.from(changes, (each) => place(each, "before"));
  const newTuples = Int32Array.from(changes, (each) => place(each, "after"));
  return {
    region: Buffer.concat(regions),
    count: changes.length,
    kinds: Uint8Array.from(changes, (each) => change["event" in each ? "event" : each.kind]),
    subjects: Int32Array.from(changes, (each) =>
      "event" in each ? events.indexOf(each.event) : relations.indexOf(each.relation),
    ),
    oldTuples,
    newTuples,
    relations: relations.map((relation) => ({ relation, layout: plainTuple })),
    events,
    cuts: [{ ...cut, after: changes.length, position: asPosition(cut.position) }],
    isCopied,
    isRepeated: false,
    checkpointWanted,
  };
}
