import { setImmediate as nextTurn } from "node:timers/promises";
import { present } from "../base/assert.ts";
import { change, type Block, type TableEvent } from "../model/replication/block.ts";
import type { Delta, DeltaStep } from "../model/replication/delta.ts";
import type { Relation } from "../model/replication/relation.ts";
import type { Batch, BlockSlice } from "./batcher.ts";
import { Regions } from "./regions.ts";
import { AppendFold, rowsFold, type RowsFold } from "./rows-fold.ts";

/** Changes between two yields to the event loop: about five milliseconds. */
const changesPerTurn = 10_000;

/** The net effect of a batch on each table. */
export async function fold(batch: Batch): Promise<Delta> {
  const folding = new BatchFold();
  let sinceTurn = 0;
  for (const slice of batch.slices) {
    for (let from = slice.from; from < slice.to; from += changesPerTurn) {
      const part = { block: slice.block, from, to: Math.min(slice.to, from + changesPerTurn) };
      folding.add(part);
      sinceTurn += part.to - part.from;
      if (sinceTurn >= changesPerTurn) {
        sinceTurn = 0;
        await nextTurn();
      }
    }
  }
  const { checkpoint, transactions, bytes } = batch;
  const taken = batch.slices.reduce((sum, { from, to }) => sum + to - from, 0);
  const { copiedRows, events } = folding;
  return { steps: folding.steps(), copiedRows, checkpoint, transactions, bytes, changes: taken - events };
}

class BatchFold {
  readonly #regions = new Regions();
  readonly #steps: DeltaStep[] = [];
  #copiedRows = 0;
  #events = 0;
  /** The block that was added last. Parts of a block are added consecutively. */
  #last: { readonly block: Block; readonly regions: readonly number[] } | undefined;
  /** The open folds, by table id. */
  readonly #open = new Map<string, RowsFold>();

  add(slice: BlockSlice): void {
    const { block } = slice;
    const regions = this.#regionsOf(block);
    for (let at = slice.from; at < slice.to; at++) {
      const kind = block.kinds[at] ?? 0;
      const subject = block.subjects[at] ?? 0;
      if (kind === change.event) {
        this.#event(present(block.events[subject], "an event stands in its block"));
        continue;
      }
      const { relation } = present(block.relations[subject], "a relation stands in its block");
      const open = this.#foldOf(relation, block);
      if (open instanceof AppendFold) {
        const end = appendRun(open, { block, from: at, to: slice.to });
        this.#copiedRows += end - at;
        at = end - 1;
      } else
        open.add({
          kind,
          region: regions[subject] ?? -1,
          oldTuple: block.oldTuples[at] ?? -1,
          newTuple: block.newTuples[at] ?? -1,
        });
    }
  }

  /** Numbers of the block's region, as each of its relations reads it. */
  #regionsOf(block: Block): readonly number[] {
    if (block !== this.#last?.block) {
      const regions = block.relations.map(({ layout }) => this.#regions.add(layout, block.region));
      this.#last = { block, regions };
    }
    return this.#last.regions;
  }

  get events(): number {
    return this.#events;
  }

  get copiedRows(): number {
    return this.#copiedRows;
  }

  /** Closes the open folds; call it once, at the end. */
  steps(): readonly DeltaStep[] {
    for (const id of this.#open.keys()) this.#close(id);
    return this.#steps;
  }

  #foldOf(relation: Relation, { isCopied, isRepeated }: Block): RowsFold {
    const open = this.#open.get(relation.id);
    if (
      open?.relation === relation &&
      open instanceof AppendFold === isCopied &&
      open.isRepeated === isRepeated
    )
      return open;
    if (open !== undefined) this.#close(relation.id);
    const opened = isCopied ? new AppendFold(relation) : rowsFold(relation, this.#regions, isRepeated);
    this.#open.set(relation.id, opened);
    return opened;
  }

  #event(event: TableEvent): void {
    this.#events += 1;
    this.#close(event.relation.id);
    this.#steps.push({ kind: "event", event });
  }

  #close(id: string): void {
    const step = this.#open.get(id)?.step();
    this.#open.delete(id);
    if (step !== undefined) this.#steps.push(step);
  }
}

/** Takes the longest run of changes of one relation; returns the index after it. */
function appendRun(
  fold: AppendFold,
  { block, from, to }: { block: Block; from: number; to: number },
): number {
  const subject = block.subjects[from] ?? -1;
  const { layout } = present(block.relations[subject], "a relation stands in its block");
  let end = from + 1;
  while (end < to && block.subjects[end] === subject && block.kinds[end] === change.insert) end++;
  fold.append({ layout, region: block.region, offsets: block.newTuples.subarray(from, end) });
  return end;
}
