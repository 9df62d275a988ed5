/**
 * A signal that is aborted when `parent` is, or with a TimeoutError once `ms` have passed. Dispose of it when the work
 * that it limits has ended.
 *
 * `AbortSignal.any` of an `AbortSignal.timeout` is not used for this: Node collects the timeout that nothing else holds,
 * and then the time is never up (https://github.com/nodejs/node/issues/57736).
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  #isPast = false;

  constructor(ms: number, parent: AbortSignal) {
    this.#parent = parent;
    this.#timer = setTimeout(() => {
      this.#isPast = true;
      this.#controller.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
    }, ms);
    parent.addEventListener("abort", this.#followParent, { once: true });
    if (parent.aborted) this.#followParent();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the time was up before the parent was aborted. */
  get isPast(): boolean {
    return this.#isPast;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#parent.removeEventListener("abort", this.#followParent);
  }

  readonly #followParent = (): void => {
    clearTimeout(this.#timer);
    this.#controller.abort(this.#parent.reason);
  };
}
