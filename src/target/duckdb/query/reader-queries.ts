import { CodedError } from "../../../base/errors.ts";
import { logger } from "../../../base/log.ts";
import type { DuckDb } from "../instance/duck-db.ts";
import { MemoryWatch, type Excess } from "./memory-watch.ts";
import { StatementReader } from "./read-statement.ts";
import { quickMs, ReaderQuery, type ReaderResult, type Statement } from "./reader-query.ts";

const log = logger("duckdb");

/** The queries that run in a warehouse, ordered by start time, and the watch over their memory. */
export class ReaderQueries {
  readonly #queries = new Set<ReaderQuery>();
  readonly #reader = new StatementReader();
  #watch: MemoryWatch | undefined;
  #watchSoon: NodeJS.Timeout | undefined;
  #ending: Promise<void> = Promise.resolve();

  async run(duck: DuckDb, statement: Statement, signal: AbortSignal): Promise<ReaderResult> {
    const parts = {
      duck,
      session: await duck.session(),
      reader: this.#reader,
      onEnd: () => this.#ended(query),
    };
    const query = new ReaderQuery(parts, signal);
    this.#queries.add(query);
    this.#watchSoon ??= setTimeout(() => {
      this.#watch = new MemoryWatch(duck, (excess) => this.#relieve(excess));
    }, quickMs);
    return query.run(statement);
  }

  /** Stops all queries; none is left when it returns. */
  async stop(): Promise<void> {
    await Promise.all([...this.#queries].map((query) => query.stop()));
    await this.#ending;
  }

  #ended(query: ReaderQuery): void {
    this.#queries.delete(query);
    if (this.#queries.size > 0) return;
    clearTimeout(this.#watchSoon);
    this.#watchSoon = undefined;
    const watch = this.#watch;
    if (watch === undefined) return;
    this.#watch = undefined;
    this.#ending = Promise.all([this.#ending, watch[Symbol.asyncDispose]()]).then(() => {});
  }

  /** The memory of a single query is not known: the one that has run longest has had the most time to use much. */
  async #relieve(excess: Excess): Promise<void> {
    const [oldest] = this.#queries;
    if (oldest === undefined) return;
    const taken = excess === "QUERY_MEMORY" ? "memory" : "disk space for temporary files";
    log.warn({}, `Queries use too much ${taken}; stopping the one that has run longest`);
    await oldest.stop(
      new CodedError(excess, `The query was stopped because queries used too much ${taken}.`),
    );
  }
}
