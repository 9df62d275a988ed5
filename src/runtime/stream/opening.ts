import { CodedError } from "../../base/errors.ts";

/** After `reportMs` without a stream, the attempt is reported; after `mostMs`, it is abandoned for a new one. */
export const openingLimits = { reportMs: 120_000, mostMs: 600_000 } as const;

/**
 * Watches an attempt to open a stream. Every wait for a source has its own deadline; this one covers unforeseen cases,
 * so that no stream waits unnoticed.
 */
export class Opening implements Disposable {
  readonly #controller = new AbortController();
  readonly #stop: AbortSignal;
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #follow = (): void => this.#controller.abort(this.#stop.reason);

  constructor(stop: AbortSignal, onOverdue: (error: CodedError) => void) {
    this.#stop = stop;
    const { reportMs, mostMs } = openingLimits;
    this.#timers = [
      setTimeout(() => onOverdue(overdue(reportMs)), reportMs),
      setTimeout(() => this.#controller.abort(overdue(mostMs)), mostMs),
    ];
    stop.addEventListener("abort", this.#follow, { once: true });
    if (stop.aborted) this.#follow();
  }

  /** Aborted with the attempt; also after the stream was opened, when the worker stops. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The stream is open. */
  done(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    this.done();
    this.#stop.removeEventListener("abort", this.#follow);
  }
}

function overdue(ms: number): CodedError {
  return new CodedError("STREAM_OVERDUE", `Opening the stream has taken longer than ${ms / 60_000} minutes.`);
}
