import { assert } from "../../base/assert.ts";

/** What is kept for the next regions, at most: more than that is in use only under backlog. */
const freeBytesMax = 48 << 20;

/**
 * Memory for regions, used again once everything in it has been applied: at hundreds of megabytes a second fresh memory
 * would keep the garbage collector busy, which goes over the whole heap each time.
 */
export class RegionPool {
  readonly bytes: number;
  readonly #free: ArrayBuffer[] = [];
  /** By reader: where its next bytes will be written, even if that is behind a region which has been given already. */
  readonly #lent = new Map<object, ArrayBufferLike>();

  /** `bytes` of each space. */
  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /** Of the pool's size, or larger for what does not fit; not cleared. */
  take(bytes: number): Uint8Array {
    const free = bytes <= this.bytes ? this.#free.pop() : undefined;
    if (free !== undefined) return new Uint8Array(free);
    const { buffer, byteOffset } = Buffer.allocUnsafeSlow(Math.max(bytes, this.bytes));
    // Not as a Buffer: the hot loops that read regions are compiled for one kind of array.
    return new Uint8Array(buffer, byteOffset);
  }

  /** The reader's next bytes will be written there, and no more where it was before. */
  lend(reader: object, { buffer }: Uint8Array): void {
    this.#lent.set(reader, buffer);
  }

  /** The reader writes no more, and what it would have written to next is free. */
  release(reader: object, space: Uint8Array): void {
    this.#lent.delete(reader);
    this.give(space);
  }

  /**
   * Nobody looks at the region any more. It is left to the garbage collector if it is not of the pool's size, or if a
   * reader's next bytes will be written into the same memory.
   */
  give({ buffer }: Uint8Array): void {
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
