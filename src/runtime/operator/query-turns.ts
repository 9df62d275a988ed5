import { CodedError } from "../../base/errors.ts";
import type { QueryResult } from "../../target/target.ts";

export interface TurnLimits {
  /** From the start of a query to its last row. */
  readonly timeoutMs: number;
  /** Queries that run at once, in total and per access key. */
  readonly concurrent: number;
  readonly perKey: number;
}

/** How long a query waits for its turn. */
const patienceMs = 30_000;
/** At most this many queries of one key wait. */
const waitingMax = 100;

interface Waiting {
  readonly key: string;
  readonly go: () => void;
}

/** Limits how many queries run at once, in total and per access key, and how long each runs. */
export class QueryTurns {
  readonly #limits: TurnLimits;
  /** By access key. */
  readonly #running = new Map<string, number>();
  readonly #waiting: Waiting[] = [];

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /**
   * Starts a query when its turn comes. The turn ends with the last row, or when reading is abandoned. `start` gets a
   * signal that is aborted when `signal` is, and when the time is up. Throws QUERY_BUSY and QUERY_TIMEOUT.
   */
  async run(
    key: string,
    signal: AbortSignal,
    start: (signal: AbortSignal) => Promise<QueryResult>,
  ): Promise<QueryResult> {
    await this.#turn(key, signal);
    const time = new QueryTime(signal, this.#limits.timeoutMs);
    const end = (): void => {
      time[Symbol.dispose]();
      this.#giveBack(key);
    };
    try {
      const result = await start(time.signal);
      return { ...result, rows: rowsOf(result, time, end) };
    } catch (error) {
      end();
      throw error;
    }
  }

  async #turn(key: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#mayRun(key)) return this.#take(key);
    if (this.#waiting.filter((each) => each.key === key).length >= waitingMax) throw this.#busy();
    await new Promise<void>((resolve, reject) => {
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", leave);
        const index = this.#waiting.indexOf(waiting);
        if (index >= 0) this.#waiting.splice(index, 1);
        how();
      };
      const waiting = { key, go: () => settle(resolve) };
      const leave = (): void => settle(() => reject(signal.reason as Error));
      const timer = setTimeout(() => settle(() => reject(this.#busy())), patienceMs);
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiting);
    });
  }

  #mayRun(key: string): boolean {
    const all = [...this.#running.values()].reduce((sum, count) => sum + count, 0);
    return all < this.#limits.concurrent && (this.#running.get(key) ?? 0) < this.#limits.perKey;
  }

  #take(key: string): void {
    this.#running.set(key, (this.#running.get(key) ?? 0) + 1);
  }

  #giveBack(key: string): void {
    const left = (this.#running.get(key) ?? 0) - 1;
    if (left > 0) this.#running.set(key, left);
    else this.#running.delete(key);
    const next = this.#waiting.find((waiting) => this.#mayRun(waiting.key));
    if (next === undefined) return;
    this.#take(next.key);
    next.go();
  }

  #busy(): CodedError {
    const { concurrent, perKey } = this.#limits;
    return new CodedError(
      "QUERY_BUSY",
      `At most ${concurrent} queries run at once, ${perKey} of one access key, and none has ended for ${patienceMs / 1000} seconds.`,
    );
  }
}

/** A signal that follows another one and the clock. */
class QueryTime implements Disposable {
  readonly #controller = new AbortController();
  readonly #client: AbortSignal;
  readonly #onAbort = (): void => this.#controller.abort(this.#client.reason);
  readonly #timer: NodeJS.Timeout;

  constructor(client: AbortSignal, timeoutMs: number) {
    this.#client = client;
    client.addEventListener("abort", this.#onAbort);
    this.#timer = setTimeout(() => {
      const message = `The query was cancelled: it was not done after ${timeoutMs / 1000} seconds.`;
      this.#controller.abort(new CodedError("QUERY_TIMEOUT", message));
    }, timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#client.removeEventListener("abort", this.#onAbort);
  }
}

/** The rows of a result. `end` is called once, when the query has ended, whether or not the rows are read. */
function rowsOf(result: QueryResult, { signal }: QueryTime, end: () => void): QueryResult["rows"] {
  const source = result.rows[Symbol.asyncIterator]();
  let ended = false;
  const once = (): void => {
    if (!ended) end();
    ended = true;
  };
  const stop = async (): Promise<void> => {
    try {
      await source.return?.();
    } finally {
      once();
    }
  };
  // The error that stops it is thrown by the next read.
  signal.addEventListener("abort", () => void stop().catch(() => {}), { once: true });
  const iterator: AsyncIterator<Awaited<ReturnType<typeof source.next>>["value"]> = {
    next: async () => {
      try {
        const step = await source.next();
        if (step.done === true) once();
        return step;
      } catch (error) {
        once();
        throw error;
      }
    },
    return: async () => {
      await stop();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
