import {
  StatementType,
  type DuckDBDataChunk,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  type DuckDBType,
} from "@duckdb/node-api";
import { CodedError, messageOf } from "../../base/errors.ts";
import type { QueryResult } from "../target.ts";
import { duckFailure } from "./duck-errors.ts";
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
      const wanted = await prepareReading(this.#session, sql);
      const columns = Array.from({ length: wanted.columnCount }, (_, index) => ({
        name: wanted.columnName(index),
        type: nameOf(wanted.columnType(index)),
      }));
      await this.#session.run("BEGIN TRANSACTION READ ONLY");
      const statement = (await this.#prepareInText(sql, columns.length)) ?? wanted;
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

  /** The same with every value cast to text by DuckDB; undefined for what cannot stand in a FROM, such as EXPLAIN. */
  async #prepareInText(sql: string, columns: number): Promise<DuckDBPreparedStatement | undefined> {
    const names = Array.from({ length: columns }, (_, index) => `c${index}`);
    const texts = names.map((name) => `CAST(${name} AS VARCHAR)`);
    const inner = sql.replace(/;(\s|--[^\n]*|\/\*.*?\*\/)*$/s, "");
    try {
      return await this.#session.prepare(
        `SELECT ${texts.join(", ")} FROM (\n${inner}\n) AS q(${names.join(", ")})`,
      );
    } catch {
      return undefined;
    }
  }

  #failure(error: unknown): unknown {
    if (this.#signal.aborted) return this.#signal.reason;
    if (error instanceof CodedError) return error;
    return new CodedError("QUERY_FAILED", duckFailure(error)?.message ?? messageOf(error), { cause: error });
  }
}

// Functions that change the state of the server although a SELECT calls them.
const actingFunctions =
  /\b(force_checkpoint|checkpoint|(enable|disable)_\w+|truncate_duckdb_logs|write_log)\s*\(/i;

// EXPLAIN ANALYZE runs what it explains: that must be a query itself.
const explained = /^\s*EXPLAIN(\s+ANALYZE)?(\s*\([^)]*\))?\s/i;

async function prepareReading(session: Session, sql: string): Promise<DuckDBPreparedStatement> {
  if (actingFunctions.test(sql)) refuse("This function is not available here.");
  const prepared = await prepareOne(session, sql);
  if (prepared.statementType === StatementType.SELECT) return prepared;
  if (prepared.statementType === StatementType.EXPLAIN && explained.test(sql)) {
    const inner = await prepareOne(session, sql.replace(explained, ""));
    if (inner.statementType === StatementType.SELECT) return prepared;
  }
  return refuse("Only statements that read are possible here: SELECT, EXPLAIN, DESCRIBE, SHOW, SUMMARIZE.");
}

async function prepareOne(session: Session, sql: string): Promise<DuckDBPreparedStatement> {
  const statements = await session.connection.extractStatements(sql).catch((error: unknown) => {
    // What is said of a text without any statement, such as a comment.
    if (messageOf(error) === "Error in native callback") return refuse("There is no statement to run.");
    throw error;
  });
  if (statements.count !== 1) refuse("Give one statement at a time.");
  const prepared = await statements.prepare(0);
  if (prepared.parameterCount > 0) refuse("Parameters are not possible here.");
  return prepared;
}

/** JSON is an alias of VARCHAR. */
function nameOf(type: DuckDBType): string {
  return type.alias ?? String(type);
}

function refuse(message: string): never {
  throw new CodedError("QUERY_FAILED", message);
}

function textRows(chunk: DuckDBDataChunk): (string | null)[][] {
  return chunk.getRows().map((row) => row.map((value) => (value === null ? null : String(value))));
}
