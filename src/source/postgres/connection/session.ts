import type { Duplex } from "node:stream";
import pg from "pg";
import { SerialQueue } from "../../../base/serial-queue.ts";
import { present } from "../../../base/assert.ts";
import { CodedError } from "../../../base/errors.ts";
import { DirectSocket } from "./direct-socket.ts";
import { assertPinned, pinSql, startupOptions, statementTimeoutMs, unpinnedSql } from "./session-settings.ts";
import type { Unpinned } from "./session-settings.ts";
import { ConnectionLost, sourceError, sqlStateOf } from "./source-error.ts";

export const applicationName = "zeroetl";
const connectDeadlineMs = 10_000;

/** The server ends a statement earlier on its own, unless it is unreachable. */
const statementDeadlineMs = statementTimeoutMs + 15_000;

export interface ConnectRequest {
  readonly url: string;
  /** Replaces the database in `url`. */
  readonly database: string;
  /** A connection to a walsender, which also accepts the commands of the streaming replication protocol. */
  readonly replication?: boolean;
}

/** What earlier attempts to connect have shown. */
interface Attempt {
  readonly hasTransactionTimeout: boolean;
}

interface ConnectionParameters {
  database: string;
  replication?: string;
  options?: string;
  application_name?: string;
  client_encoding?: string;
}

/** Internals of node-postgres that its types omit; all in one place. */
interface ClientInternals {
  readonly connection: { readonly stream: Duplex };
  readonly connectionParameters: ConnectionParameters;
  replication?: string;
}

export interface StatementOptions {
  /** Name of a statement that runs often with different values, so that the server plans it once. */
  readonly name?: string;
  /** The connection is abandoned if the server has not answered by then. Infinity: no limit. */
  readonly deadlineMs?: number;
}

/** A connection to the source. Statements wait for one another. Closed when the signal that opened it is aborted. */
export class Session implements AsyncDisposable {
  readonly #client: pg.Client;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#internals.connection.stream.destroy();
  #backend = 0;
  #lost: Error | undefined;
  #isTaken = false;
  /** The running statement, and those that wait for it. */
  readonly #queue = new SerialQueue();

  private constructor(client: pg.Client, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
    client.on("error", (error) => (this.#lost ??= error));
  }

  /** Throws `CodedError`, or the signal's reason. */
  static async open(request: ConnectRequest, signal: AbortSignal): Promise<Session> {
    try {
      return await Session.#open(request, { hasTransactionTimeout: false }, signal);
    } catch (error) {
      if (sqlStateOf(error) !== transactionTimeout) throw error;
      // The role's limit is shorter than our first statement. Older servers would refuse the parameter.
      return Session.#open(request, { hasTransactionTimeout: true }, signal);
    }
  }

  static async #open(request: ConnectRequest, attempt: Attempt, signal: AbortSignal): Promise<Session> {
    signal.throwIfAborted();
    const session = new Session(clientFor(request, attempt), signal);
    signal.addEventListener("abort", session.#onAbort);
    let isLate = false;
    const deadline = setTimeout(() => {
      isLate = true;
      session.#onAbort();
    }, connectDeadlineMs);
    try {
      await session.#client.connect();
      await session.#pin();
      return session;
    } catch (error) {
      await session.#end();
      signal.throwIfAborted();
      if (isLate) throw connectError(new Error("the server did not answer within 10 seconds"), request);
      // What the server said before it closed the connection, if the next statement found it closed.
      throw connectError(session.#lost instanceof pg.DatabaseError ? session.#lost : error, request);
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Makes sure that our settings are in effect, whatever happened to those in the startup packet. */
  async #pin(): Promise<void> {
    // Several statements in one round trip return several results.
    const results = (await this.#client.query(pinSql)) as unknown as pg.QueryResult<{ pid: number }>[];
    const { pid } = present(results[1]?.rows[0], "a session has a process");
    this.#backend = pid;
    const changed = results.at(-1)?.rows.length ?? 0;
    if (changed > 0) assertPinned((await this.#client.query<Unpinned>(unpinnedSql)).rows);
  }

  /** Rows of one statement, or of a command of the replication protocol. */
  async rows<Row extends pg.QueryResultRow>(
    sql: string,
    values?: readonly unknown[],
    { name, deadlineMs = statementDeadlineMs }: StatementOptions = {},
  ): Promise<Row[]> {
    const deadline =
      deadlineMs === Infinity ? undefined : setTimeout(() => this.#giveUp(deadlineMs), deadlineMs);
    try {
      // Without values it uses the simple protocol, the only one that a walsender supports.
      const query = values === undefined ? { text: sql } : { text: sql, values: [...values] };
      const named = name === undefined ? query : { ...query, name };
      return (await this.#queue.run(() => this.#client.query<Row>(named))).rows;
    } catch (error) {
      throw this.failure(error);
    } finally {
      clearTimeout(deadline);
    }
  }

  /** The only row of a statement that returns exactly one. */
  async row<Row extends pg.QueryResultRow>(
    sql: string,
    values?: readonly unknown[],
    options?: StatementOptions,
  ): Promise<Row> {
    const [row] = await this.rows<Row>(sql, values, options);
    if (row === undefined) throw new Error("a statement that gives one row gave none");
    return row;
  }

  #giveUp(afterMs: number): void {
    this.#lost ??= new ConnectionLost(
      `the server did not answer a statement within ${Math.round(afterMs / 1000)} seconds`,
    );
    this.#internals.connection.stream.destroy();
  }

  async run(sql: string): Promise<void> {
    await this.rows(sql);
  }

  /** Process id of the backend. */
  get backend(): number {
    return this.#backend;
  }

  /**
   * The socket, to be read and written by the caller alone, between two statements. Call `giveBack` to return it when
   * the server is ready for the next statement.
   */
  takeSocket(): { readonly socket: Duplex; readonly giveBack: () => void } {
    const socket = this.#internals.connection.stream;
    const listeners = socket.listeners("data");
    socket.removeAllListeners("data");
    socket.pause();
    this.#isTaken = true;
    const giveBack = () => {
      for (const listener of listeners) socket.on("data", listener as (chunk: Buffer) => void);
      socket.resume();
      this.#isTaken = false;
    };
    return { socket, giveBack };
  }

  /**
   * Translates a failure of this session: to `CodedError` if it is known, to the signal's reason if that was the cause.
   */
  failure(error: unknown): unknown {
    if (this.#signal.aborted) return this.#signal.reason;
    const { stream } = this.#internals.connection;
    const isLost = this.#lost !== undefined || stream.destroyed;
    return isLost && !(error instanceof pg.DatabaseError) ? sourceError(this.#loss()) : sourceError(error);
  }

  /** The server's message before it closed the connection says more than that the connection is closed. */
  #loss(): Error {
    const lost = this.#lost;
    return lost instanceof pg.DatabaseError || lost instanceof ConnectionLost
      ? lost
      : new ConnectionLost("it ended unexpectedly", { cause: lost });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#signal.removeEventListener("abort", this.#onAbort);
    const { stream } = this.#internals.connection;
    if (this.#isTaken || stream.destroyed) stream.destroy();
    else await this.#client.end().catch(() => stream.destroy());
  }

  get #internals(): ClientInternals {
    return this.#client as unknown as ClientInternals;
  }
}

/** These have libpq's meaning only if node-postgres is told so: it treats them as verify-full. */
const libpqModes = ["require", "verify-ca"];

function connectionStringOf(url: string): string {
  const parsed = new URL(url);
  if (!libpqModes.includes(parsed.searchParams.get("sslmode") ?? "")) return url;
  parsed.searchParams.set("uselibpqcompat", "true");
  return parsed.href;
}

/** Reads the certificate files that the URL names. */
function newClient(url: string): pg.Client {
  try {
    return new pg.Client({
      connectionString: connectionStringOf(url),
      stream: () => new DirectSocket(),
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
    });
  } catch (cause) {
    const message = cause instanceof Error && "path" in cause ? cause.message : "it cannot be parsed";
    throw new CodedError("CONFIGURATION", `The source's url cannot be used: ${message}.`, { cause });
  }
}

/** SQLSTATE transaction_timeout, of PostgreSQL 17 and later. */
const transactionTimeout = "25P04";

function clientFor(
  { url, database, replication }: ConnectRequest,
  { hasTransactionTimeout }: Attempt,
): pg.Client {
  const client = newClient(url);
  // Set here because values in a URL would override the client's options, because a database name within a URL cannot
  // contain every character, and because `replication` has no option.
  const internals = client as unknown as ClientInternals;
  const { connectionParameters: parameters } = internals;
  parameters.options = startupOptions(parameters.options, hasTransactionTimeout);
  parameters.application_name = applicationName;
  parameters.client_encoding = "UTF8";
  parameters.database = database;
  if (replication === true) {
    parameters.replication = "database";
    internals.replication = "database";
  }
  return client;
}

function connectError(error: unknown, { database }: ConnectRequest): unknown {
  // undefined_object: an older server does not know one of the settings.
  const known = sourceError(error, { "42704": "SOURCE_VERSION" });
  if (known instanceof CodedError) return known;
  // The remaining errors come from node-postgres itself, without a code: a connection that ended, TLS refused, no
  // password.
  const message = error instanceof Error ? error.message : String(error);
  return new CodedError("SOURCE_UNREACHABLE", `Cannot connect to database ${database}: ${message}.`, {
    cause: error,
  });
}
