/** Resources opened on the way to something that needs all of them: closed in reverse order, unless transferred. */
export class Resources implements AsyncDisposable {
  #opened: (AsyncDisposable | Disposable)[] = [];

  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.#opened.push(resource);
    return resource;
  }

  /** Transfers everything: disposing of this object then closes nothing. */
  move(): Resources {
    const heir = new Resources();
    heir.#opened = this.#opened;
    this.#opened = [];
    return heir;
  }

  /** Closes all of them, even if one fails; throws the first failure. */
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
