import { setImmediate } from "node:timers/promises";
import {
  DuckDBTypeId,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  type DuckDBType,
} from "@duckdb/node-api";
import { CodedError, messageOf } from "../../../base/errors.ts";
import { logger } from "../../../base/log.ts";
import type { NestedForm, QueryResult } from "../../target.ts";
import { ChunkRows, type TextRow } from "./chunk-rows.ts";
import type { DuckDb } from "../instance/duck-db.ts";
import { duckFailure, isDiskFull } from "../instance/duck-errors.ts";
import type { ReadStatement, StatementReader } from "./read-statement.ts";
import { failedMidway, interrupting, type Session } from "../instance/session.ts";
import type { NamedTable } from "./statement-databases.ts";

const log = logger("duckdb");

// Names and types of columns, and a row's values, are read from DuckDB without yielding.
const columnsMax = 2048;
/** A longer value would block the event loop for too long. */
const valueBytesMax = 8 * 1024 ** 2;

/** The result of a query, and the tables that it names. */
export type ReaderResult = Omit<QueryResult, "notices"> & { readonly tables: readonly NamedTable[] };

export interface Statement {
  readonly sql: string;
  /** Where names without a schema are resolved. */
  readonly searchPath: string;
  readonly nested: NestedForm;
}

export interface QueryParts {
  readonly duck: DuckDb;
  /** Closed when the query ends. */
  readonly session: Session;
  readonly reader: StatementReader;
  readonly onEnd: () => void;
}

/** In less time than this, a query cannot accumulate enough to matter. */
export const quickMs = 25;
/** The name under which the statement is prepared in SQL. */
const planName = "zeroetl_query";

/** Types whose values are short as text. */
const shortTypes = new Set([
  DuckDBTypeId.BOOLEAN,
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
  DuckDBTypeId.UHUGEINT,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
  DuckDBTypeId.DECIMAL,
  DuckDBTypeId.DATE,
  DuckDBTypeId.TIME,
  DuckDBTypeId.TIME_TZ,
  DuckDBTypeId.TIMESTAMP,
  DuckDBTypeId.TIMESTAMP_TZ,
  DuckDBTypeId.UUID,
]);

const nestedTypes = new Set([
  DuckDBTypeId.ARRAY,
  DuckDBTypeId.LIST,
  DuckDBTypeId.MAP,
  DuckDBTypeId.STRUCT,
  DuckDBTypeId.UNION,
]);

/** A column of the result. */
interface ColumnValue {
  /** As the query's columns are renamed: c0, c1 … */
  readonly name: string;
  /** The expression that is cast to text. */
  readonly value: string;
  readonly isShort: boolean;
}

/** One user statement, in a session of its own. */
export class ReaderQuery {
  readonly #duck: DuckDb;
  readonly #session: Session;
  readonly #reader: StatementReader;
  readonly #signal: AbortSignal;
  readonly #onEnd: () => void;
  readonly #startedMs = performance.now();
  readonly #onAbort = (): void => void this.stop();
  #running: Promise<unknown> = Promise.resolve();
  #execution: DuckDBPreparedStatement | undefined;
  #chunk: ChunkRows | undefined;
  #whole: string | undefined;
  #reason: CodedError | undefined;
  #ending: Promise<void> | undefined;

  constructor({ duck, session, reader, onEnd }: QueryParts, signal: AbortSignal) {
    this.#duck = duck;
    this.#session = session;
    this.#reader = reader;
    this.#signal = signal;
    this.#onEnd = onEnd;
    signal.addEventListener("abort", this.#onAbort);
  }

  /**
   * The query ends when its rows have been read, when reading is abandoned (`return` of the iterator), or with an
   * error: `CodedError` or the signal's reason.
   */
  async run({ sql, searchPath, nested }: Statement): Promise<ReaderResult> {
    return this.#step(async () => {
      await this.#session.run(`SET search_path = ${searchPath}; BEGIN TRANSACTION READ ONLY`);
      const read = await this.#reader.read(this.#duck, sql);
      const wanted = await this.#session.prepare(read.sql);
      if (wanted.columnCount > columnsMax)
        throw new CodedError(
          "QUERY_FAILED",
          `The result has ${wanted.columnCount} columns; at most ${columnsMax} are possible.`,
        );
      const columns = Array.from({ length: wanted.columnCount }, (_, index) => ({
        name: wanted.columnName(index),
        type: nameOf(wanted.columnType(index)),
      }));
      const values = columns.map(({ type }, index) => {
        const typeId = wanted.columnTypeId(index);
        const name = `c${index}`;
        const value = nested === "json" && nestedTypes.has(typeId) ? jsonOf(name, type) : name;
        return { name, value, isShort: shortTypes.has(typeId) };
      });
      const statement = read.isQuery ? await this.#prepareInText(read, values) : wanted;
      const result = await statement.stream();
      const iterator = {
        next: () => this.#step(() => this.#next(result)),
        return: async () => {
          await this.stop();
          return { done: true as const, value: undefined };
        },
      };
      return { columns, tables: read.tables, rows: { [Symbol.asyncIterator]: () => iterator } };
    });
  }

  /** Ends the query at any point. `reason`: reported to its reader. */
  async stop(reason?: CodedError): Promise<void> {
    if (this.#ending === undefined) {
      this.#reason ??= reason;
      using _ = interrupting(this.#session);
      await this.#running.catch(() => {});
    }
    await this.#end();
  }

  #end(): Promise<void> {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#ending ??= this.#free()
      .catch((error: unknown) => log.warn({ reason: messageOf(error) }, "A query's plan could not be freed"))
      .finally(() => {
        this.#session.close();
        this.#onEnd();
      });
    return this.#ending;
  }

  /**
   * A query's resources are freed with its plan: up to all of the memory, and gigabytes of temporary files. That is
   * slow, and a plan is freed with the last statement that refers to it. So the last one is not `#execution`, which
   * only the event loop can destroy, but the one that SQL has prepared, which a thread of the pool frees.
   */
  async #free(): Promise<void> {
    if (this.#execution === undefined || performance.now() - this.#startedMs < quickMs) return;
    this.#execution.destroySync();
    await this.#session.run(`ROLLBACK; DEALLOCATE ${planName}`);
  }

  async #next(result: DuckDBResult): Promise<IteratorResult<TextRow[], undefined>> {
    const slice = this.#chunk?.next();
    if (slice !== undefined) {
      await setImmediate();
      return { done: false, value: slice };
    }
    const chunk = await result.fetchChunk();
    if (chunk !== null && chunk.rowCount > 0) {
      this.#chunk = new ChunkRows(chunk);
      return { done: false, value: this.#chunk.next() ?? [] };
    }
    if (failedMidway(result)) throw await this.#reasonOfFailure();
    void this.#end();
    return { done: true, value: undefined };
  }

  /**
   * Why a query failed while its rows were read: a streamed result does not say. Computing it again, without the rows,
   * does.
   */
  async #reasonOfFailure(): Promise<unknown> {
    await this.#session.run("ROLLBACK");
    await this.#session.run("BEGIN TRANSACTION READ ONLY");
    try {
      if (this.#whole !== undefined)
        await this.#session.run(`SELECT max(hash(COLUMNS(*))) FROM (\n${this.#whole}\n)`);
      return new CodedError("QUERY_FAILED", "The query failed while its rows were read.");
    } catch (error) {
      return error;
    }
  }

  /** Any failure ends the query. */
  async #step<T>(work: () => Promise<T>): Promise<T> {
    try {
      this.#signal.throwIfAborted();
      if (this.#ending !== undefined) throw new CodedError("QUERY_FAILED", "The query has ended.");
      const running = work();
      this.#running = running;
      return await running;
    } catch (error) {
      await this.#end();
      throw this.#failure(error);
    }
  }

  /** The same statement with every value cast to text by DuckDB. */
  async #prepareInText(
    { sql }: ReadStatement,
    values: readonly ColumnValue[],
  ): Promise<DuckDBPreparedStatement> {
    const names = values.map(({ name }) => name);
    const texts = values.map(({ name, value }) => `CAST(${value} AS VARCHAR) AS ${name}`);
    const tooLong = `'A value of more than ${valueBytesMax} bytes cannot be returned; take a part of it with substring.'`;
    const bounded = values.map(({ name, isShort }) =>
      isShort ? name : `CASE WHEN strlen(${name}) > ${valueBytesMax} THEN error(${tooLong}) ELSE ${name} END`,
    );
    const inner = `SELECT ${texts.join(", ")} FROM (\n${sql}\n) AS q(${names.join(", ")})`;
    this.#whole = `SELECT ${bounded.join(", ")} FROM (${inner})`;
    await this.#reader.check(this.#duck, this.#whole);
    await this.#session.run(`PREPARE ${planName} AS ${this.#whole}`);
    this.#execution = await this.#session.prepare(`EXECUTE ${planName}`);
    return this.#execution;
  }

  #failure(error: unknown): unknown {
    if (this.#signal.aborted) return this.#signal.reason;
    if (this.#reason !== undefined) return this.#reason;
    if (error instanceof CodedError) return error;
    const failure = duckFailure(error);
    if (failure !== undefined && isDiskFull(failure))
      return new CodedError("QUERY_DISK", "There is no disk space left for the query's temporary files.");
    return new CodedError("QUERY_FAILED", failure?.message ?? messageOf(error), { cause: error });
  }
}

/** Numbers that would lose digits as JSON numbers become texts: DuckDB writes them as it writes a DOUBLE. */
function jsonOf(value: string, type: string): string {
  const exact = type.replaceAll(/"(?:[^"]|"")*"|DECIMAL\(\d+,\s*\d+\)|U?HUGEINT|BIGNUM/g, (part) =>
    part.startsWith('"') ? part : "VARCHAR",
  );
  return exact === type ? `to_json(${value})` : `to_json(CAST(${value} AS ${exact}))`;
}

/** JSON is an alias of VARCHAR. */
function nameOf(type: DuckDBType): string {
  return type.alias ?? String(type);
}
