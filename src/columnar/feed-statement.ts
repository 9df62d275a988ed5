import type {
  DuckDBMaterializedResult,
  DuckDBPreparedStatement,
  DuckDBType,
  DuckDBValue,
} from "@duckdb/node-api";
import type { Feed, Feeds, FillChunk } from "./feed.ts";

/** A connection that runs one statement at a time. */
export interface FeedSession {
  readonly prepare: (sql: string) => Promise<DuckDBPreparedStatement>;
  readonly execute: (statement: DuckDBPreparedStatement) => Promise<DuckDBMaterializedResult>;
}

/** A statement that reads rows from this process, prepared on first use. */
export class FeedStatement {
  readonly #session: FeedSession;
  readonly #feed: Feed;
  readonly #sql: string;
  #prepared: DuckDBPreparedStatement | undefined;

  /** `types` of the columns f0, f1 … of `feed` in the SQL that `sql` builds. */
  constructor(
    { session, feeds }: { readonly session: FeedSession; readonly feeds: Feeds },
    types: readonly DuckDBType[],
    sql: (feed: string) => string,
  ) {
    this.#session = session;
    this.#feed = feeds.open(types);
    this.#sql = sql(this.#feed.sql);
  }

  /** Returns the number of rows changed. Throws what `fill` threw, or what DuckDB throws. */
  async run(fill: FillChunk, values: readonly DuckDBValue[] = []): Promise<number> {
    return (await this.#execute(fill, values)).rowsChanged;
  }

  /** Returns all rows of the result, which must be few. Throws like `run`. */
  async rows(fill: FillChunk): Promise<DuckDBValue[][]> {
    return (await this.#execute(fill, [])).getRows();
  }

  async #execute(fill: FillChunk, values: readonly DuckDBValue[]): Promise<DuckDBMaterializedResult> {
    this.#feed.fill(fill);
    this.#prepared ??= await this.#session.prepare(this.#sql);
    const binds = this.#feed.binds();
    try {
      if (values.length > 0) this.#prepared.bind([...values]);
      return await this.#session.execute(this.#prepared);
    } catch (error) {
      throw this.#feed.failure() ?? error;
    } finally {
      // Otherwise, the remaining rows would stay in memory until the statement is released.
      this.#feed.empty();
      // The prepared statement was bound again because a schema has changed. Every later execution would bind it again.
      if (this.#feed.binds() !== binds) this.#forget();
    }
  }

  close(): void {
    this.#forget();
    this.#feed.close();
  }

  #forget(): void {
    this.#prepared?.destroySync();
    this.#prepared = undefined;
  }
}
