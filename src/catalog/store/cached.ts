/** Bounds what a write by another program, or one whose result was lost with the connection, may leave out of date. */
const ageMsMax = 60_000;

interface Kept<T> {
  readonly value: Promise<T>;
  readonly readAtMs: number;
}

/** A result of reading the database, kept until a write of this process may have changed it, at most for a minute. */
export class Cached<T> {
  readonly #read: () => Promise<T>;
  #kept: Kept<T> | undefined;

  constructor(read: () => Promise<T>) {
    this.#read = read;
  }

  /** Includes every write that has returned. Callers share the value. Throws what reading throws. */
  get(): Promise<T> {
    const nowMs = performance.now();
    if (this.#kept !== undefined && nowMs - this.#kept.readAtMs < ageMsMax) return this.#kept.value;
    const kept = { value: this.#read(), readAtMs: nowMs };
    this.#kept = kept;
    kept.value.catch(() => {
      if (this.#kept === kept) this.#kept = undefined;
    });
    return kept.value;
  }

  /** Runs a write that may change the value, and that may have changed it even if it throws. */
  async changing<R>(write: () => Promise<R>): Promise<R> {
    try {
      return await write();
    } finally {
      // A read that began before the write ended may lack it.
      this.#kept = undefined;
    }
  }
}
