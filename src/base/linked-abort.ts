/**
 * A signal that is aborted when one of its parents is, or by `abort`. Disposing of it leaves nothing with the parents.
 *
 * `AbortSignal.any` is not used for this: on Node 20 a parent that lives long keeps an entry for every signal that was
 * ever made of it, and a signal that only the garbage collector still knows is not aborted any more
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
