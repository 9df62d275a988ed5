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

/** One connection: one statement at a time, errors as DuckDB throws them: `duckFailure` reads them. */
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

  /** Returns the number of rows changed. */
  async run(sql: string): Promise<number> {
    return (await this.#alone(() => this.#connection.run(sql))).rowsChanged;
  }

  /**
   * From now on operators do not collect the few rows that they produce from each vector into larger vectors: large
   * rows would be closer together in them than they are stored.
   */
  async keepVectors(): Promise<void> {
    await this.run("SET enable_caching_operators = false");
  }

  /** For few rows: returns all of them. */
  async rows(sql: string, values: readonly DuckDBValue[] = []): Promise<Record<string, DuckDBValue>[]> {
    const result = await this.#alone(() => this.#connection.run(sql, [...values]));
    return result.getRowObjects();
  }

  /** As `run`, prepared on first use and kept: for statements that run with every batch. */
  async runKept(sql: string, values: readonly DuckDBValue[] = []): Promise<number> {
    return (await this.#executeKept(sql, values)).rowsChanged;
  }

  /** As `rows`, prepared on first use and kept. */
  async rowsKept(sql: string, values: readonly DuckDBValue[]): Promise<Record<string, DuckDBValue>[]> {
    return (await this.#executeKept(sql, values)).getRowObjects();
  }

  prepare(sql: string): Promise<DuckDBPreparedStatement> {
    return this.#alone(() => this.#connection.prepare(sql));
  }

  execute(statement: DuckDBPreparedStatement): Promise<DuckDBMaterializedResult> {
    return this.#alone(() => statement.run());
  }

  /** For results that are too large to hold in memory. */
  get connection(): DuckDBConnection {
    return this.#connection;
  }

  /**
   * Statements are prepared again on their next use: after a schema change every execution of an old one would bind
   * again.
   */
  forgetStatements(): void {
    for (const statement of this.#statements.values()) statement.destroySync();
    this.#statements.clear();
  }

  /** Rolls back an open transaction. May be called twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.forgetStatements();
    this.#connection.disconnectSync();
    this.#onClosed(this);
  }

  async #executeKept(sql: string, values: readonly DuckDBValue[]): Promise<DuckDBMaterializedResult> {
    const statement = this.#statements.get(sql) ?? (await this.prepare(sql));
    this.#statements.set(sql, statement);
    statement.bind([...values]);
    return this.execute(statement);
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

/** A streamed result that fails early looks as if it had ended: only its type shows the failure. */
export function failedMidway(result: DuckDBResult): boolean {
  return result.returnType === ResultReturnType.INVALID;
}

const interruptEveryMs = 20;

/**
 * Interrupts the session's statements until disposed of: DuckDB forgets an interrupt that arrives between two
 * statements.
 */
export function interrupting({ connection }: Session): Disposable {
  const interrupt = (): void => connection.interrupt();
  interrupt();
  const again = setInterval(interrupt, interruptEveryMs);
  return { [Symbol.dispose]: () => clearInterval(again) };
}
