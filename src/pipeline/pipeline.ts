import { Condition } from "../base/condition.ts";
import { LinkedAbort } from "../base/linked-abort.ts";
import type { Block, TableEvent } from "../model/replication/block.ts";
import { tableOf, type Delta } from "../model/replication/delta.ts";
import type { Position } from "../model/replication/position.ts";
import type { Relation } from "../model/replication/relation.ts";
import type { Source } from "../source/source.ts";
import type { DestinationDatabase } from "../target/target.ts";
import { fold } from "./fold.ts";
import { Batcher, defaultLimits, InFlight, type BatcherLimits } from "./batcher.ts";

export interface PipelineParts {
  readonly source: Source;
  readonly target: DestinationDatabase;
  readonly limits?: BatcherLimits;
  /** Called after each block of the stream that was read. Must not throw. */
  readonly onRead: (block: Block) => void;
  /** Called after each apply of the stream's changes, committed or not. Must not throw. */
  readonly onApplied: (delta: Delta) => void;
  /** Called after each apply of copied rows or of changes that update them. Must not throw. */
  readonly onCopied: (delta: Delta) => void;
}

/** One of the two paths from the source to the target: for the stream, or for copies. */
interface Lane {
  readonly blocks: AsyncGenerator<Block, never, void>;
  readonly batcher: Batcher;
  readonly onRead: (block: Block) => void;
  readonly apply: (delta: Delta, signal: AbortSignal) => Promise<void>;
  readonly confirm: (position: Position) => void;
  readonly onApplied: (delta: Delta) => void;
}

/**
 * Moves changes and copies from source to target until the source, the target or the signal causes it to throw.
 *
 * Reading and applying overlap by one batch. When `stop` is aborted, the running apply finishes. If it had a
 * checkpoint, that is confirmed before the function throws the signal's reason. When one part fails, the others are
 * stopped first.
 */
export async function runPipeline(parts: PipelineParts, stop: AbortSignal): Promise<never> {
  using failure = new LinkedAbort(stop);
  const { signal } = failure;
  const { source, target, limits = defaultLimits } = parts;
  const inFlight = new InFlight();
  const announced = new AnnouncedCopies();
  const stream: Lane = {
    blocks: source.read(signal),
    batcher: new Batcher(limits, inFlight),
    onRead: parts.onRead,
    apply: async (delta) => {
      // An apply that has begun is not aborted, since its work would be lost.
      await target.apply(delta, neverAborted);
      announced.applied(delta);
    },
    confirm: (position) => source.confirm(position),
    onApplied: parts.onApplied,
  };
  const copies: Lane = {
    blocks: source.copies(signal),
    // A restart reads again what waits here, and nothing else waits for it.
    batcher: new Batcher({ ...limits, batchesAheadMax: 1 }, inFlight),
    onRead: () => {},
    apply: async (delta) => {
      await announced.wait(delta, signal);
      await target.applyCopies(delta, neverAborted);
    },
    confirm: (position) => source.confirmCopies(position),
    onApplied: parts.onCopied,
  };
  const halves = [stream, copies].flatMap((lane) => [read(lane, signal), apply(lane, signal)]);
  await Promise.allSettled(
    halves.map((half) =>
      half.catch((error: unknown) => {
        // The first failure is the one to report; the others only report that they were stopped.
        failure.abort(error);
      }),
    ),
  );
  throw signal.reason;
}

async function read({ blocks, batcher, onRead }: Lane, signal: AbortSignal): Promise<void> {
  for await (const block of blocks) {
    onRead(block);
    await batcher.put(block, signal);
  }
}

async function apply(lane: Lane, signal: AbortSignal): Promise<void> {
  for (;;) {
    const batch = await lane.batcher.take(signal);
    const delta = await fold(batch);
    signal.throwIfAborted();
    await lane.apply(delta, signal);
    for (const { block, to } of batch.slices) if (to === block.count) block.release?.();
    if (delta.checkpoint !== undefined) lane.confirm(delta.checkpoint.position);
    lane.onApplied(delta);
  }
}

const neverAborted = new AbortController().signal;

type Announcement = Extract<TableEvent, { kind: "copy-started" | "copy-resumed" }>;

function isAnnouncement(event: TableEvent): event is Announcement {
  return event.kind === "copy-started" || event.kind === "copy-resumed";
}

/** The copies whose announcement the target has committed: their rows can be stored. */
class AnnouncedCopies {
  readonly #relations = new Map<string, Relation>();
  readonly #changed = new Condition();
  #uncommitted: Relation[] = [];

  /** Records the copies that a delta of the stream announces. */
  applied({ steps, checkpoint }: Delta): void {
    for (const step of steps)
      if (step.kind === "event" && isAnnouncement(step.event)) this.#uncommitted.push(step.event.relation);
    if (checkpoint === undefined || this.#uncommitted.length === 0) return;
    for (const relation of this.#uncommitted) this.#relations.set(relation.id, relation);
    this.#uncommitted = [];
    this.#changed.notify();
  }

  /** Waits until the tables of a delta of copies have been announced. */
  async wait({ steps }: Delta, signal: AbortSignal): Promise<void> {
    for (const step of steps) {
      const table = tableOf(step);
      while (this.#relations.get(table.id) !== table) await this.#changed.wait(signal);
    }
  }
}
