import { LinkedAbort } from "./linked-abort.ts";

/**
 * A signal that is aborted when `parent` is, or with a TimeoutError after `ms`. Dispose of it when the work that it
 * limits has ended.
 */
export class Deadline implements Disposable {
  readonly #abort: LinkedAbort;
  readonly #timer: NodeJS.Timeout;
  #isPast = false;

  constructor(ms: number, parent: AbortSignal) {
    this.#abort = new LinkedAbort(parent);
    this.#timer = setTimeout(() => {
      if (this.signal.aborted) return;
      this.#isPast = true;
      this.#abort.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
    }, ms);
    this.signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
    if (this.signal.aborted) clearTimeout(this.#timer);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Whether the time ran out before the parent was aborted. */
  get isPast(): boolean {
    return this.#isPast;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#abort[Symbol.dispose]();
  }
}
