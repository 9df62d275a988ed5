import type { DuckDBDataChunk, DuckDBPreparedStatement, DuckDBResult, DuckDBType } from "@duckdb/node-api";
import { CodedError, messageOf } from "../../base/errors.ts";
import type { QueryResult } from "../target.ts";
import { duckFailure } from "./duck-errors.ts";
import { checkText, readStatement, type ReadStatement } from "./read-statement.ts";
import { failedMidway, interrupting, type Session } from "./session.ts";

/** One statement of a user, in a session of its own, which is closed when the query ends. */
export class ReaderQuery {
  readonly #session: Session;
  readonly #signal: AbortSignal;
  readonly #onEnd: () => void;
  readonly #onAbort = (): void => void this.stop();
  #running: Promise<unknown> = Promise.resolve();
  #ended = false;

  constructor(session: Session, onEnd: () => void, signal: AbortSignal) {
    this.#session = session;
    this.#signal = signal;
    this.#onEnd = onEnd;
    signal.addEventListener("abort", this.#onAbort);
  }

  /**
   * The query ends when its rows have been read, when reading them is given up (`return` of the iterator), or with an
   * error: `CodedError` QUERY_FAILED or the signal's reason. `searchPath`: where names without a schema are looked up.
   */
  async run(sql: string, searchPath: string): Promise<Omit<QueryResult, "notices">> {
    return this.#step(async () => {
      await this.#session.run(`SET search_path = ${searchPath}`);
      const read = await readStatement(this.#session, sql);
      const wanted = await this.#session.prepare(read.sql);
      const columns = Array.from({ length: wanted.columnCount }, (_, index) => ({
        name: wanted.columnName(index),
        type: nameOf(wanted.columnType(index)),
      }));
      await this.#session.run("BEGIN TRANSACTION READ ONLY");
      const statement = read.isQuery ? await this.#prepareInText(read, columns.length) : wanted;
      const result = await statement.stream();
      const iterator = {
        next: () => this.#step(() => this.#next(statement, result)),
        return: async () => {
          await this.stop();
          return { done: true as const, value: undefined };
        },
      };
      return { columns, rows: { [Symbol.asyncIterator]: () => iterator } };
    });
  }

  /** Ends the query wherever it is. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    {
      using _ = interrupting(this.#session);
      await this.#running.catch(() => {});
    }
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#session.close();
    this.#onEnd();
  }

  async #next(
    statement: DuckDBPreparedStatement,
    result: DuckDBResult,
  ): Promise<IteratorResult<(string | null)[][], undefined>> {
    const chunk = await result.fetchChunk();
    if (chunk !== null && chunk.rowCount > 0) return { done: false, value: textRows(chunk) };
    if (failedMidway(result)) throw await this.#reasonOf(statement);
    this.#end();
    return { done: true, value: undefined };
  }

  /** Why a query failed among its rows: a streamed result does not tell, running it whole does. */
  async #reasonOf(statement: DuckDBPreparedStatement): Promise<unknown> {
    await this.#session.run("ROLLBACK");
    await this.#session.run("BEGIN TRANSACTION READ ONLY");
    try {
      await statement.run();
      return new CodedError("QUERY_FAILED", "The query failed while its rows were read.");
    } catch (error) {
      return error;
    }
  }

  /** Whatever fails ends the query. */
  async #step<T>(work: () => Promise<T>): Promise<T> {
    try {
      this.#signal.throwIfAborted();
      if (this.#ended) throw new CodedError("QUERY_FAILED", "The query has ended.");
      const running = work();
      this.#running = running;
      return await running;
    } catch (error) {
      this.#end();
      throw this.#failure(error);
    }
  }

  /** The same with every value cast to text by DuckDB. */
  async #prepareInText({ sql }: ReadStatement, columns: number): Promise<DuckDBPreparedStatement> {
    const names = Array.from({ length: columns }, (_, index) => `c${index}`);
    const texts = names.map((name) => `CAST(${name} AS VARCHAR)`);
    const whole = `SELECT ${texts.join(", ")} FROM (\n${sql}\n) AS q(${names.join(", ")})`;
    await checkText(this.#session, whole);
    return this.#session.prepare(whole);
  }

  #failure(error: unknown): unknown {
    if (this.#signal.aborted) return this.#signal.reason;
    if (error instanceof CodedError) return error;
    return new CodedError("QUERY_FAILED", duckFailure(error)?.message ?? messageOf(error), { cause: error });
  }
}

/** JSON is an alias of VARCHAR. */
function nameOf(type: DuckDBType): string {
  return type.alias ?? String(type);
}

function textRows(chunk: DuckDBDataChunk): (string | null)[][] {
  return chunk.getRows().map((row) => row.map((value) => (value === null ? null : String(value))));
}
