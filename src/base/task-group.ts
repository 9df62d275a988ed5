import { LinkedAbort } from "./linked-abort.ts";

/**
 * Owns background work: a task that fails stops its siblings, and leaving the scope waits for all of them.
 *
 * ```ts
 * await using tasks = new TaskGroup(signal);
 * tasks.run((signal) => heartbeat(signal));
 * await work(tasks.signal);
 * ```
 */
export class TaskGroup implements AsyncDisposable {
  readonly #stop: LinkedAbort;
  readonly #tasks = new Set<Promise<void>>();
  /** Aborted when the parent is, when a task failed, or when the group is disposed of. */
  readonly signal: AbortSignal;
  #failure: { readonly error: unknown } | undefined;

  constructor(parent?: AbortSignal) {
    this.#stop = parent === undefined ? new LinkedAbort() : new LinkedAbort(parent);
    this.signal = this.#stop.signal;
  }

  /** Starts a task. It ends by returning, or by throwing the signal's reason once the signal is aborted. */
  run(task: (signal: AbortSignal) => Promise<void>): void {
    const running = this.#watch(task).finally(() => this.#tasks.delete(running));
    this.#tasks.add(running);
  }

  async #watch(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await task(this.signal);
    } catch (error) {
      // What a task throws while the group stops is a consequence of the stop.
      if (this.signal.aborted) return;
      this.#failure = { error };
      this.#stop.abort(error);
    }
  }

  /** Waits until every task has ended. Throws what the first failing task threw. */
  async wait(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Stops the tasks and waits for them. Throws what a task threw before the stop. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the task group ended"));
    this.#stop[Symbol.dispose]();
    await this.wait();
  }
}
