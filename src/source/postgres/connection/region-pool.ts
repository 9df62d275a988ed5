import { Condition } from "../../../base/condition.ts";
import { assert } from "../../../base/assert.ts";

/** Maximum kept for the next regions: more than that is in use only under backlog. */
const freeBytesMax = 48 << 20;

/**
 * Only one region larger than this exists at a time. Not less than the size of a batch: what holds such a region is
 * applied immediately, and does not wait for what the reader would read next.
 */
export const largeRegionBytes = 32 << 20;

/** A socket. */
interface Connection {
  readonly once: (event: "close", listener: () => void) => unknown;
}

/**
 * Memory for regions, reused once everything in it has been applied: at hundreds of megabytes a second fresh memory
 * would keep the garbage collector busy, which scans the whole heap each time.
 */
export class RegionPool {
  readonly bytes: number;
  readonly #free: ArrayBuffer[] = [];
  /**
   * By connection: where its next bytes will be written, even if that is after a region which has already been returned
   * to the caller.
   */
  readonly #lent = new Map<Connection, ArrayBufferLike>();
  /** By connection: the space of its last reader, for its next one. */
  readonly #left = new WeakMap<Connection, Uint8Array>();
  /** The large region that is in use, or the reservation for it. */
  #large: ArrayBufferLike | "promised" | undefined;
  readonly #largeGiven = new Condition();

  /** `bytes`: size of each space. */
  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /** Waits until a region of this size may be taken; take it immediately. */
  async admit(bytes: number, signal: AbortSignal): Promise<void> {
    if (bytes <= largeRegionBytes) return;
    while (this.#large !== undefined) await this.#largeGiven.wait(signal);
    this.#large = "promised";
  }

  /** Ends the use of the region, if it is the large one. */
  giveLarge({ buffer }: Uint8Array): void {
    if (buffer !== this.#large) return;
    this.#large = undefined;
    this.#largeGiven.notify();
  }

  /** Has the pool's size, or more if needed; not zeroed. */
  take(bytes: number): Uint8Array {
    const free = bytes <= this.bytes ? this.#free.pop() : undefined;
    if (free !== undefined) return new Uint8Array(free);
    const { buffer, byteOffset } = Buffer.allocUnsafeSlow(Math.max(bytes, this.bytes));
    if (this.#large === "promised" && bytes > largeRegionBytes) this.#large = buffer;
    // Not a Buffer: the hot loops that read regions are compiled for one kind of array.
    return new Uint8Array(buffer, byteOffset);
  }

  /** The connection's next bytes will be written there, and no longer to the previous place. */
  lend(connection: Connection, { buffer }: Uint8Array): void {
    if (!this.#lent.has(connection)) connection.once("close", () => this.#lent.delete(connection));
    this.#lent.set(connection, buffer);
  }

  /** The space that a connection's reader starts with. */
  first(connection: Connection): Uint8Array {
    const left = this.#left.get(connection);
    this.#left.delete(connection);
    return left ?? this.take(0);
  }

  /**
   * The connection no longer has a reader. The kernel still writes the next bytes to the reader's space, so no one else
   * may have it.
   */
  leave(connection: Connection, space: Uint8Array): void {
    this.#left.set(connection, space);
  }

  /**
   * The region is no longer used. It is left to the garbage collector if it does not have the pool's size, or if a
   * connection's next bytes will be written to the same memory.
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

/** A region that several blocks hold: it is returned to the pool when none of them needs it any longer. */
export class RegionLease {
  readonly #pool: RegionPool;
  readonly #region: Uint8Array;
  #holders = 1;

  /** Held by its creator until `release`. */
  constructor(pool: RegionPool, region: Uint8Array) {
    this.#pool = pool;
    this.#region = region;
  }

  /** Adds a holder; returns its release, to be called once. */
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
