import { setTimeout as sleep } from "node:timers/promises";
import { Condition } from "../base/condition.ts";
import { assert } from "../base/assert.ts";
import { change, type Block, type Cut, type TableEvent } from "../model/replication/block.ts";
import type { Checkpoint } from "../model/replication/delta.ts";

/** Changes of a block from index `from` up to, but not including, `to`. */
export interface BlockSlice {
  readonly block: Block;
  readonly from: number;
  readonly to: number;
}

/** The input of one apply: whole transactions up to the checkpoint, or a part of one that is too large. */
export interface Batch {
  readonly slices: readonly BlockSlice[];
  readonly checkpoint: Checkpoint | undefined;
  readonly transactions: number;
  readonly bytes: number;
}

export interface BatcherLimits {
  /** A batch ends at the first cut after this many changes or bytes; a larger transaction is applied in parts. */
  readonly changesMax: number;
  readonly bytesMax: number;
  /** How many full batches may wait while one is applied: an apply occasionally takes seconds. */
  readonly batchesAheadMax: number;
  /**
   * The reader waits once this many bytes are pending or being applied in all batchers of a pipeline, whatever the size
   * of a single block.
   */
  readonly bytesInFlightMax: number;
  /** After a batch of more changes than this, the source is assumed to be ahead, and the next batch may fill up. */
  readonly backlogChanges: number;
  /** How long a batch may wait for more changes while there is a backlog. */
  readonly backlogWaitMs: number;
  /**
   * Copied rows are applied in parts and committed at the first cut after this many rows or bytes: what a restart reads
   * again. They are not visible until the copy ends.
   */
  readonly copiedRowsPerCommit: number;
  readonly copiedBytesPerCommit: number;
}

// figures.md: 20k changes a batch cost a third of the throughput of 100k. The waits are short compared with a lag of
// tens of milliseconds, and begin only after a batch so large that applying it takes longer.
export const defaultLimits: BatcherLimits = {
  changesMax: 100_000,
  bytesMax: 32 * 1024 * 1024,
  batchesAheadMax: 3,
  bytesInFlightMax: 128 * 1024 * 1024,
  backlogChanges: 10_000,
  backlogWaitMs: 200,
  copiedRowsPerCommit: 200_000,
  copiedBytesPerCommit: 64 * 1024 * 1024,
};

interface Pending {
  readonly block: Block;
  /** First change that has not been taken yet. */
  from: number;
  /** First cut that has not been taken yet. */
  cut: number;
}

/** The total of all batchers of one pipeline. */
export class InFlight {
  /** Size of the blocks that are pending or being applied. */
  bytes = 0;
  readonly changed = new Condition();
}

/**
 * Connects reading and applying: the reader adds blocks, and waits if several full batches are pending; the applier
 * takes batches that end at commits. While one batch is applied, the next one is gathered, so the load determines the
 * size of a batch.
 */
export class Batcher {
  readonly #limits: BatcherLimits;
  readonly #pending: Pending[] = [];
  #changes = 0;
  #bytes = 0;
  #cuts = 0;
  /** Taken since the last batch with a checkpoint. */
  #uncommitted = { changes: 0, bytes: 0 };
  #lastBatchChanges = 0;
  /** Bytes of the batch that was taken last, until the next one is requested. */
  #applyingBytes = 0;
  readonly #inFlight: InFlight;

  constructor(limits: BatcherLimits, inFlight = new InFlight()) {
    this.#limits = limits;
    this.#inFlight = inFlight;
  }

  /** Waits while `batchesAheadMax` full batches are pending, or too many bytes in total. One caller. */
  async put(block: Block, signal: AbortSignal): Promise<void> {
    this.#pending.push({ block, from: 0, cut: 0 });
    this.#changes += block.count;
    this.#bytes += block.region.length;
    this.#inFlight.bytes += block.region.length;
    this.#cuts += block.cuts.length;
    this.#changed.notify();
    while (this.#full(this.#limits.batchesAheadMax) || this.#isHeavy()) await this.#changed.wait(signal);
  }

  /** Returns the next batch as soon as it is available. One caller. */
  async take(signal: AbortSignal): Promise<Batch> {
    this.#inFlight.bytes -= this.#applyingBytes;
    this.#applyingBytes = 0;
    this.#changed.notify();
    while (this.#cuts === 0 && !this.#full()) await this.#changed.wait(signal);
    if (this.#lastBatchChanges > this.#limits.backlogChanges) await this.#gather(signal);
    const batch = this.#cuts > 0 ? this.#takeToCut() : this.#takePart();
    this.#applyingBytes = batch.bytes;
    this.#changed.notify();
    return batch;
  }

  /** Never true while nothing is being applied, since the pending blocks may be only a part of a batch. */
  #isHeavy(): boolean {
    return this.#applyingBytes > 0 && this.#inFlight.bytes >= this.#limits.bytesInFlightMax;
  }

  get #changed(): Condition {
    return this.#inFlight.changed;
  }

  #full(batches = 1): boolean {
    const { changesMax, bytesMax } = this.#limits;
    return this.#changes >= changesMax * batches || this.#bytes >= bytesMax * batches;
  }

  /** Events that concern a whole table, and requested checkpoints, do not wait for more changes. */
  #isAwaited(): boolean {
    return this.#pending.some(({ block }) => block.checkpointWanted || block.events.some(isUrgent));
  }

  #isEnough(changes: number, bytes: number): boolean {
    return changes >= this.#limits.changesMax || bytes >= this.#limits.bytesMax;
  }

  async #gather(signal: AbortSignal): Promise<void> {
    const until = performance.now() + this.#limits.backlogWaitMs;
    for (
      let left = until - performance.now();
      left > 0 && !this.#full() && !this.#isAwaited();
      left = until - performance.now()
    ) {
      const timer = new AbortController();
      await Promise.race([
        this.#changed.wait(signal),
        sleep(left, undefined, { signal: timer.signal }).catch(() => {}),
      ]);
      timer.abort();
    }
  }

  /** Takes changes up to the last cut, or up to the first cut at which there are enough for a batch. */
  #takeToCut(): Batch {
    const slices: BlockSlice[] = [];
    let last: Cut | undefined;
    let [transactions, changes, bytes, wanted] = [0, 0, 0, false];
    for (let isLast = false; !isLast;) {
      const pending = this.#first();
      const { block } = pending;
      const cuts = block.cuts.slice(pending.cut);
      const end = cuts.at(-1);
      this.#cuts -= cuts.length;
      for (const cut of cuts) transactions += cut.transactions;
      last = end ?? last;
      wanted ||= block.checkpointWanted;
      changes += (end?.after ?? block.count) - pending.from;
      // Blocks before the one with the last cut are taken whole, since a transaction continues after them.
      isLast =
        end !== undefined && (this.#cuts === 0 || this.#isEnough(changes, bytes + block.region.length));
      slices.push(this.#slice(pending, isLast && end !== undefined ? end.after : block.count));
      pending.cut = block.cuts.length;
      bytes += this.#drop(pending);
    }
    assert(last !== undefined, "a batch that ends at a cut has seen one");
    return this.#batch({
      slices,
      transactions,
      bytes,
      checkpoint: this.#checkpoint(last, { slices, transactions, wanted }),
    });
  }

  /** Takes enough changes for a batch from a transaction whose end has not arrived yet. */
  #takePart(): Batch {
    const slices: BlockSlice[] = [];
    let [changes, bytes] = [0, 0];
    while (this.#pending.length > 0 && !this.#isEnough(changes, bytes)) {
      const pending = this.#first();
      changes += pending.block.count - pending.from;
      slices.push(this.#slice(pending, pending.block.count));
      bytes += this.#drop(pending);
    }
    return this.#batch({ slices, transactions: 0, bytes, checkpoint: undefined });
  }

  #first(): Pending {
    const [pending] = this.#pending;
    assert(pending !== undefined, "what is counted stands in a pending block");
    return pending;
  }

  /** Drops a block that has been taken completely; returns its bytes. */
  #drop({ from, block }: Pending): number {
    if (from < block.count) return 0;
    this.#pending.shift();
    this.#bytes -= block.region.length;
    return block.region.length;
  }

  #slice(pending: Pending, to: number): BlockSlice {
    const slice = { block: pending.block, from: pending.from, to };
    this.#changes -= to - pending.from;
    pending.from = to;
    return slice;
  }

  #batch(batch: Batch): Batch {
    const changes = batch.slices.reduce((sum, { from, to }) => sum + to - from, 0);
    this.#lastBatchChanges = changes;
    const { changes: before, bytes } = this.#uncommitted;
    this.#uncommitted =
      batch.checkpoint === undefined
        ? { changes: before + changes, bytes: bytes + batch.bytes }
        : { changes: 0, bytes: 0 };
    return batch;
  }

  /** The checkpoint, if the batch commits at the cut. Copied rows alone commit less often: they are not urgent. */
  #checkpoint(
    { position, sequence, committedAtMs }: Cut,
    taken: { slices: readonly BlockSlice[]; transactions: number; wanted: boolean },
  ): Checkpoint | undefined {
    const due =
      taken.transactions > 0 ||
      taken.wanted ||
      this.#uncommitted.changes >= this.#limits.copiedRowsPerCommit ||
      this.#uncommitted.bytes >= this.#limits.copiedBytesPerCommit ||
      taken.slices.some(hasEvent);
    return due ? { position, sequence, committedAtMs } : undefined;
  }
}

function hasEvent({ block, from, to }: BlockSlice): boolean {
  return block.events.some(isUrgent) && block.kinds.subarray(from, to).includes(change.event);
}

/** The progress of a copy is committed with its rows, whenever that is. */
function isUrgent({ kind }: TableEvent): boolean {
  return kind !== "copied-part";
}
