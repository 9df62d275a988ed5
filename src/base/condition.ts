/** A condition variable: callers wait until it is notified, and check again when they wake up. */
export class Condition {
  #waiting = new Set<() => void>();

  /** Resolves at the next `notify`. Rejects with the signal's reason. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const abort = () => {
        this.#waiting.delete(wake);
        reject(signal.reason as Error);
      };
      const wake = () => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#waiting.add(wake);
    });
  }

  get isAwaited(): boolean {
    return this.#waiting.size > 0;
  }

  /** Wakes all current waiters. */
  notify(): void {
    if (!this.isAwaited) return;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }
}
