import { hostname } from "node:os";
import pg from "pg";
import { backoffMs, pause } from "../../base/backoff.ts";
import { CodedError, messageOf } from "../../base/errors.ts";
import { LinkedAbort } from "../../base/linked-abort.ts";
import { logger } from "../../base/log.ts";
import { TaskGroup } from "../../base/task-group.ts";

const log = logger("catalog");

/** The bytes of "zeroetl": nothing else in the catalog's database is likely to lock it. */
const lockKey = "34451489328297068";

/** The session of a service that was terminated may outlive it briefly. */
const patienceMs = 3_000;
const lookEveryMs = 250;
const heartbeatMs = 15_000;
const answerMs = 10_000;
const retryDelay = { firstMs: 250, mostMs: 5_000 };

/** The server detects a host that has disappeared within a minute, and does not end a session because it is idle. */
const settings = [
  "tcp_keepalives_idle = 30",
  "tcp_keepalives_interval = 10",
  "tcp_keepalives_count = 3",
  "statement_timeout = 0",
];

/** A session that holds the lock. */
interface Holder {
  readonly client: pg.Client;
  /** The pid of its server process. */
  readonly pid: number;
}

/**
 * Ensures that one service at a time works on a catalog in a PostgreSQL server, by an advisory lock held by a dedicated
 * session. When that session is lost, another one acquires the lock again. If a second service has acquired it first,
 * this one must stop.
 */
export class ServiceLock implements AsyncDisposable {
  /** Rejects with `CodedError` CATALOG_LOCKED once another service has the lock. Never resolves. */
  readonly lost: Promise<never>;
  readonly #url: string;
  readonly #tasks = new TaskGroup();
  #holder: Holder;

  private constructor(url: string, holder: Holder) {
    this.#url = url;
    this.#holder = holder;
    this.lost = new Promise((_, reject) => {
      this.#tasks.run((signal) => this.#hold(signal).catch(reject));
    });
    // It may be lost before any caller awaits it.
    this.lost.catch(() => {});
  }

  /** Throws `CodedError`: CATALOG_LOCKED when another service has it, CATALOG_FAILED, CONFIGURATION. */
  static async take(url: string, signal: AbortSignal): Promise<ServiceLock> {
    // Not passed on as a cause: the error for a URL that cannot be parsed contains the URL, and thus a password.
    if (!URL.canParse(url))
      throw new CodedError("CONFIGURATION", "The URL of the catalog is not a valid URL.");
    try {
      return new ServiceLock(url, await holderOf(url, undefined, signal));
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof CodedError) throw cause;
      const message = `The catalog cannot be opened: ${messageOf(cause)}`;
      throw new CodedError("CATALOG_FAILED", message, { cause });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
    await this.#holder.client.end();
  }

  /** Throws CATALOG_LOCKED, or the signal's reason. */
  async #hold(signal: AbortSignal): Promise<never> {
    for (;;) {
      const reason = await untilBroken(this.#holder.client, signal);
      log.warn({ reason: messageOf(reason) }, "The session that holds the catalog's lock was lost");
      await this.#takeAgain(signal);
      log.info("The catalog's lock is held again");
    }
  }

  async #takeAgain(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#holder = await holderOf(this.#url, this.#holder.pid, signal);
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof CodedError) throw error;
        // The server does not answer, so no other service can acquire the lock either.
        log.debug({ reason: messageOf(error) }, "Cannot acquire the catalog's lock now");
        await pause(backoffMs(attempt, retryDelay), signal);
      }
    }
  }
}

/** A new session that holds the lock. `before`: the server process of our previous session, which may still exist. */
async function holderOf(url: string, before: number | undefined, signal: AbortSignal): Promise<Holder> {
  const client = new pg.Client({
    connectionString: url,
    application_name: `zeroetl on ${hostname().slice(0, 30)}, pid ${process.pid}`,
    connectionTimeoutMillis: answerMs,
    query_timeout: answerMs,
    keepAlive: true,
  });
  // The next query, and `untilBroken`, see what breaks the connection.
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query(settings.map((setting) => `SET ${setting}`).join("; "));
    if (before !== undefined) await client.query(endSession, [before, lockKey]);
    await lockOn(client, signal);
    const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    return { client, pid: rows[0]?.pid ?? 0 };
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}

async function lockOn(client: pg.Client, signal: AbortSignal): Promise<void> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>("SELECT pg_try_advisory_lock($1) AS taken", [
      lockKey,
    ]);
    if (rows[0]?.taken === true) return;
    if (performance.now() > until) throw await locked(client);
    await pause(lookEveryMs, signal);
  }
}

async function locked(client: pg.Client): Promise<CodedError> {
  const { rows } = await client.query<{ name: string; address: string | null }>(whoHolds, [lockKey]);
  const [holder] = rows;
  const parts = [holder?.name, holder?.address].filter(Boolean).join(", ");
  const who = parts === "" ? "another service" : `another service (${parts})`;
  return new CodedError("CATALOG_LOCKED", `The catalog is in use by ${who}.`);
}

const ourLock = `locktype = 'advisory' AND granted AND objsubid = 1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const whoHolds = `
  SELECT coalesce(application_name, '') AS name, host(client_addr) AS address
  FROM pg_locks LEFT JOIN pg_stat_activity USING (pid)
  WHERE ${ourLock} AND (classid::int8 << 32 | objid::int8) = $1`;

const endSession = `
  SELECT pg_terminate_backend(pid) FROM pg_locks
  WHERE pid = $1 AND ${ourLock} AND (classid::int8 << 32 | objid::int8) = $2`;

/** Returns why the session is lost. Throws the signal's reason. */
async function untilBroken(client: pg.Client, signal: AbortSignal): Promise<unknown> {
  using either = new LinkedAbort(signal);
  const onEnd = (): void => either.abort(new Error("the connection ended"));
  client.once("end", onEnd);
  try {
    for (;;) {
      await pause(heartbeatMs, either.signal);
      await client.query("SELECT 1");
    }
  } catch (error) {
    signal.throwIfAborted();
    // A session that does not answer may still hold the lock: its successor terminates it.
    client.end().catch(() => {});
    return error;
  } finally {
    client.off("end", onEnd);
  }
}
