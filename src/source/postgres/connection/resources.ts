/** What was opened on the way to something that needs all of it: closed in reverse order, unless handed on. */
export class Resources implements AsyncDisposable {
  #opened: (AsyncDisposable | Disposable)[] = [];

  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.#opened.push(resource);
    return resource;
  }

  /** Hands everything on: disposing of this one closes nothing any more. */
  move(): Resources {
    const heir = new Resources();
    heir.#opened = this.#opened;
    this.#opened = [];
    return heir;
  }

  /** Closes all of them, even where one fails; throws the first failure. */
  async [Symbol.asyncDispose](): Promise<void> {
    const opened = this.#opened.toReversed();
    this.#opened = [];
    const failures: unknown[] = [];
    for (const resource of opened)
      try {
        if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
        else resource[Symbol.dispose]();
      } catch (error) {
        failures.push(error);
      }
    if (failures.length > 0) throw failures[0];
  }
}
