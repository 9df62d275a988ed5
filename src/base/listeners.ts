/** Notifies listeners of something that has happened. A listener that fails must not affect it. */
export class Listeners {
  readonly #listeners = new Set<() => void>();
  readonly #onFailure: (error: unknown) => void;

  /** `onFailure` receives what a listener throws. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Returns a function that removes the listener. */
  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Removes all listeners. */
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
