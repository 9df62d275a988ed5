import { pause } from "./backoff.ts";
import { LinkedAbort } from "./linked-abort.ts";

/**
 * Lets a loop sleep until it has something to check. A notification that arrives during a check is not lost:
 *
 * ```ts
 * for (;;) {
 *   wake.begin();
 *   await look();
 *   await wake.sleep(ms, signal);
 * }
 * ```
 */
export class Wake {
  #isTold = false;
  #end: () => void = () => {};

  /** Notifies the loop that it has something to check. */
  tell(): void {
    this.#isTold = true;
    this.#end();
  }

  /** Begins a check, which covers all notifications so far. */
  begin(): void {
    this.#isTold = false;
  }

  /**
   * Waits for a notification that the last check may have missed, at most `ms`. Returns whether there is one. Throws the
   * signal's reason.
   */
  async sleep(ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.#isTold) return true;
    using told = new LinkedAbort(signal);
    this.#end = () => told.abort(undefined);
    await pause(ms, told.signal).catch(() => signal.throwIfAborted());
    return this.#isTold;
  }
}
