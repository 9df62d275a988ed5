/** Runs work one piece at a time, in the order in which it comes. Work that fails does not affect what comes after it. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Gives what `work` gives, and throws what it throws. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const running = this.#last.then(work);
    this.#last = running.catch(() => {});
    return running;
  }

  /** Resolves when all work that has been given so far has ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
