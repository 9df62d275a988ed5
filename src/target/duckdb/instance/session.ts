import {
  ResultReturnType,
  type DuckDBConnection,
  type DuckDBInstance,
  type DuckDBMaterializedResult,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  type DuckDBValue,
} from "@duckdb/node-api";
import { assert } from "../../../base/assert.ts";

/** One connection: one statement at a time, errors as DuckDB throws them (`failureOf` gives them a code). */
export class Session {
  readonly #connection: DuckDBConnection;
  readonly #statements = new Map<string, DuckDBPreparedStatement>();
  readonly #onClosed: (session: Session) => void;
  #busy = false;
  #closed = false;

  private constructor(connection: DuckDBConnection, onClosed: (session: Session) => void) {
    this.#connection = connection;
    this.#onClosed = onClosed;
  }

  static async open(instance: DuckDBInstance, onClosed: (session: Session) => void): Promise<Session> {
    return new Session(await instance.connect(), onClosed);
  }

  /** Gives the number of rows changed. */
  async run(sql: string): Promise<number> {
    return (await this.#alone(() => this.#connection.run(sql))).rowsChanged;
  }

  /**
   * From now on operators do not gather the few rows that they get out of each vector into larger vectors: large rows
   * would come closer together in them than they are stored.
   */
  async keepVectors(): Promise<void> {
    await this.run("SET enable_caching_operators = false");
  }

  /** Few rows, whole. */
  async rows(sql: string, values: readonly DuckDBValue[] = []): Promise<Record<string, DuckDBValue>[]> {
    const result = await this.#alone(() => this.#connection.run(sql, [...values]));
    return result.getRowObjects();
  }

  /** Prepared at its first use and kept; for statements that come with every batch. Gives the rows changed. */
  async runKept(sql: string, values: readonly DuckDBValue[] = []): Promise<number> {
    const statement = this.#statements.get(sql) ?? (await this.prepare(sql));
    this.#statements.set(sql, statement);
    statement.bind([...values]);
    return (await this.execute(statement)).rowsChanged;
  }

  prepare(sql: string): Promise<DuckDBPreparedStatement> {
    return this.#alone(() => this.#connection.prepare(sql));
  }

  execute(statement: DuckDBPreparedStatement): Promise<DuckDBMaterializedResult> {
    return this.#alone(() => statement.run());
  }

  /** For results that are too large to be held. */
  get connection(): DuckDBConnection {
    return this.#connection;
  }

  /** Prepared again at their next use: a schema change makes every execution of an old one bind anew. */
  forgetStatements(): void {
    for (const statement of this.#statements.values()) statement.destroySync();
    this.#statements.clear();
  }

  /** Whatever transaction is open is rolled back. May be called twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.forgetStatements();
    this.#connection.disconnectSync();
    this.#onClosed(this);
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    assert(!this.#busy, "a connection runs one statement at a time");
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }
}

/** A streamed result that ends early looks as if it had ended: only its type says that it has failed. */
export function failedMidway(result: DuckDBResult): boolean {
  return result.returnType === ResultReturnType.INVALID;
}

const interruptEveryMs = 20;

/** Interrupts the session's statements until disposed of: DuckDB forgets an interruption between two statements. */
export function interrupting({ connection }: Session): Disposable {
  const interrupt = (): void => connection.interrupt();
  interrupt();
  const again = setInterval(interrupt, interruptEveryMs);
  return { [Symbol.dispose]: () => clearInterval(again) };
}
