import { pause } from "./backoff.ts";
import { LinkedAbort } from "./linked-abort.ts";

/**
 * Lets a loop sleep until there is something for it to look at. What is told during a look is not lost:
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

  /** There is something to look at. */
  tell(): void {
    this.#isTold = true;
    this.#end();
  }

  /** A look begins, which sees what was told so far. */
  begin(): void {
    this.#isTold = false;
  }

  /** Until something is told that the last look may have missed, at most `ms`. Throws the signal's reason. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#isTold) return;
    using told = new LinkedAbort(signal);
    this.#end = () => told.abort(undefined);
    await pause(ms, told.signal).catch(() => signal.throwIfAborted());
  }
}
