import { Condition } from "../../../base/condition.ts";
import { assert } from "../../../base/assert.ts";

/** What is kept for the next regions, at most: more than that is in use only under backlog. */
const freeBytesMax = 48 << 20;

/**
 * Of regions that are larger there is one at a time. No less than a batch has: what holds such a region is applied at
 * once, and does not wait for what the reader would read next.
 */
export const largeRegionBytes = 32 << 20;

/** A socket. */
interface Connection {
  readonly once: (event: "close", listener: () => void) => unknown;
}

/**
 * Memory for regions, used again once everything in it has been applied: at hundreds of megabytes a second fresh memory
 * would keep the garbage collector busy, which goes over the whole heap each time.
 */
export class RegionPool {
  readonly bytes: number;
  readonly #free: ArrayBuffer[] = [];
  /** By connection: where its next bytes will be written, even if that is behind a region which has been given already. */
  readonly #lent = new Map<Connection, ArrayBufferLike>();
  /** By connection: the space of the reader that it had last, for its next one. */
  readonly #left = new WeakMap<Connection, Uint8Array>();
  /** The large region that is in use, or the promise that it will be taken. */
  #large: ArrayBufferLike | "promised" | undefined;
  readonly #largeGiven = new Condition();

  /** `bytes` of each space. */
  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /** Waits until a region of so many bytes may be taken, which is to be done at once. */
  async admit(bytes: number, signal: AbortSignal): Promise<void> {
    if (bytes <= largeRegionBytes) return;
    while (this.#large !== undefined) await this.#largeGiven.wait(signal);
    this.#large = "promised";
  }

  /** The region is in use no more, if it is the large one. */
  giveLarge({ buffer }: Uint8Array): void {
    if (buffer !== this.#large) return;
    this.#large = undefined;
    this.#largeGiven.notify();
  }

  /** Of the pool's size, or larger for what does not fit; not cleared. */
  take(bytes: number): Uint8Array {
    const free = bytes <= this.bytes ? this.#free.pop() : undefined;
    if (free !== undefined) return new Uint8Array(free);
    const { buffer, byteOffset } = Buffer.allocUnsafeSlow(Math.max(bytes, this.bytes));
    if (this.#large === "promised" && bytes > largeRegionBytes) this.#large = buffer;
    // Not as a Buffer: the hot loops that read regions are compiled for one kind of array.
    return new Uint8Array(buffer, byteOffset);
  }

  /** The connection's next bytes will be written there, and no more where it was before. */
  lend(connection: Connection, { buffer }: Uint8Array): void {
    if (!this.#lent.has(connection)) connection.once("close", () => this.#lent.delete(connection));
    this.#lent.set(connection, buffer);
  }

  /** The space that a connection's reader begins with. */
  first(connection: Connection): Uint8Array {
    const left = this.#left.get(connection);
    this.#left.delete(connection);
    return left ?? this.take(0);
  }

  /**
   * The connection has no reader any more. The kernel writes what comes next to the reader's space nevertheless, so that
   * nobody else may have it.
   */
  leave(connection: Connection, space: Uint8Array): void {
    this.#left.set(connection, space);
  }

  /**
   * Nobody looks at the region any more. It is left to the garbage collector if it is not of the pool's size, or if a
   * connection's next bytes will be written into the same memory.
   */
  give(region: Uint8Array): void {
    this.giveLarge(region);
    const { buffer } = region;
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== this.bytes) return;
    for (const lent of this.#lent.values()) if (lent === buffer) return;
    assert(!this.#free.includes(buffer), "a region is given back once");
    if (this.#free.length * this.bytes < freeBytesMax) this.#free.push(buffer);
  }
}

/** A region that several blocks hold: it is given back when none of them needs it any more. */
export class RegionLease {
  readonly #pool: RegionPool;
  readonly #region: Uint8Array;
  #holders = 1;

  /** Held by whoever makes it, until `release`. */
  constructor(pool: RegionPool, region: Uint8Array) {
    this.#pool = pool;
    this.#region = region;
  }

  /** For another holder; gives its release, to be called once. */
  hold(): () => void {
    this.#holders += 1;
    return () => this.release();
  }

  release(): void {
    this.#holders -= 1;
    assert(this.#holders >= 0, "a region is released once by each holder");
    if (this.#holders === 0) this.#pool.give(this.#region);
  }
}
