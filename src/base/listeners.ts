/** Who wants to be told of something that has happened: one that fails must not make it look otherwise. */
export class Listeners {
  readonly #listeners = new Set<() => void>();
  readonly #onFailure: (error: unknown) => void;

  /** `onFailure` is given what a listener throws. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Gives the way to stop listening. */
  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Nobody is told any more. */
  clear(): void {
    this.#listeners.clear();
  }

  tell(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#onFailure(error);
      }
    }
  }
}
