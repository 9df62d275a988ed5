/** Runs work one piece at a time, in order of arrival. Work that fails does not affect later work. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Returns what `work` returns, and throws what it throws. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const running = this.#last.then(work);
    this.#last = running.catch(() => {});
    return running;
  }

  /** Resolves when all work queued so far has ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
