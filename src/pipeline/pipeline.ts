import { LinkedAbort } from "../base/linked-abort.ts";
import type { Block } from "../model/replication/block.ts";
import type { Delta } from "../model/replication/delta.ts";
import type { Source } from "../source/source.ts";
import type { DestinationDatabase } from "../target/target.ts";
import { Folder } from "./fold.ts";
import { defaultLimits, Batcher, type BatcherLimits } from "./batcher.ts";

export interface PipelineParts {
  readonly source: Source;
  readonly target: DestinationDatabase;
  readonly limits?: BatcherLimits;
  /** Called after each block that was read. Must not throw. */
  readonly onRead: (block: Block) => void;
  /** Called after each apply, committed or not. Must not throw. */
  readonly onApplied: (delta: Delta) => void;
}

/**
 * Moves changes from source to target until the source, the target or the signal causes it to throw.
 *
 * Reading and applying overlap by one batch. When `stop` is aborted, the running apply finishes and, if it held a
 * checkpoint, is confirmed before this throws the signal's reason. When either side fails, the other is stopped first.
 */
export async function runPipeline(parts: PipelineParts, stop: AbortSignal): Promise<never> {
  using failure = new LinkedAbort(stop);
  const { signal } = failure;
  const batcher = new Batcher(parts.limits ?? defaultLimits);
  const halves = [read(parts, batcher, signal), apply(parts, batcher, signal)].map((half) =>
    half.catch((error: unknown) => {
      // The first failure is the one to report; the other half only reports that it was stopped.
      failure.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(halves);
  throw signal.reason;
}

async function read(parts: PipelineParts, batcher: Batcher, signal: AbortSignal): Promise<void> {
  for await (const block of parts.source.read(signal)) {
    parts.onRead(block);
    await batcher.put(block, signal);
  }
}

async function apply(parts: PipelineParts, batcher: Batcher, signal: AbortSignal): Promise<void> {
  const folder = new Folder();
  for (;;) {
    const batch = await batcher.take(signal);
    const delta = await folder.fold(batch);
    signal.throwIfAborted();
    // An apply that has begun runs to its end: aborting it would only waste work.
    await parts.target.apply(delta, neverAborted);
    for (const { block, to } of batch.slices) if (to === block.count) block.release?.();
    if (delta.checkpoint !== undefined) parts.source.confirm(delta.checkpoint.position);
    parts.onApplied(delta);
  }
}

const neverAborted = new AbortController().signal;
