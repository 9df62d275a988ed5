/**
 * A signal that is aborted when one of its parents is, or by `abort`. Disposing of it leaves nothing attached to the
 * parents.
 *
 * `AbortSignal.any` does not serve here: on Node 20 a long-lived parent keeps an entry for every signal ever derived
 * from it, and a signal that only the garbage collector still references is no longer aborted
 * (https://github.com/nodejs/node/issues/54614, https://github.com/nodejs/node/issues/57736).
 */
export class LinkedAbort implements Disposable {
  readonly #controller = new AbortController();
  readonly #links: readonly { readonly parent: AbortSignal; readonly follow: () => void }[];

  constructor(...parents: readonly AbortSignal[]) {
    this.#links = parents.map((parent) => ({ parent, follow: () => this.abort(parent.reason) }));
    for (const { parent, follow } of this.#links) parent.addEventListener("abort", follow, { once: true });
    const aborted = parents.find((parent) => parent.aborted);
    if (aborted !== undefined) this.abort(aborted.reason);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    for (const { parent, follow } of this.#links) parent.removeEventListener("abort", follow);
  }
}
