import { deferred, unlessAborted } from "../../../base/deferred.ts";
import type { BlockBuilder } from "../stream/block-builder.ts";
import type { Lsn } from "../stream/lsn.ts";

/** Adds the outcome of a copy to the stream. */
export type HandOver = (block: BlockBuilder) => void;

/**
 * Synchronizes a copy with the stream: the stream pauses at a boundary until the copy lets it continue, with or without
 * the copied tables.
 */
export class Meeting {
  readonly #arrived = deferred();
  readonly #ended = deferred();
  #lsn: Lsn = 0n;
  #handOver: HandOver | undefined;

  /** For the copy: waits for the stream, which has read everything that was committed before the LSN returned. */
  async arrival(signal: AbortSignal): Promise<Lsn> {
    await unlessAborted(this.#arrived.promise, signal);
    return this.#lsn;
  }

  /** For the copy: lets the stream continue. */
  end(handOver?: HandOver): void {
    this.#handOver = handOver;
    this.#ended.resolve();
  }

  /** For the stream at a boundary: pauses until the copy lets it continue. */
  async attend(lsn: Lsn, signal: AbortSignal): Promise<HandOver | undefined> {
    this.#lsn = lsn;
    this.#arrived.resolve();
    await unlessAborted(this.#ended.promise, signal);
    return this.#handOver;
  }
}
