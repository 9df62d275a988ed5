import { SerialQueue } from "../../base/serial-queue.ts";
import { CodedError } from "../../base/errors.ts";
import { DirectoryLock } from "../../base/directory-lock.ts";
import { logger } from "../../base/log.ts";
import type {
  DatabaseRequest,
  DestinationDatabase,
  NestedForm,
  QueryResult,
  StreamIdentity,
  Warehouse,
  WarehouseDatabase,
} from "../target.ts";
import { startDuckDb, type KnownDatabase, type RunningDuckDb } from "./instance/database-files.ts";
import { DuckDbDatabase } from "./destination-database.ts";
import { DuckDb, type DuckDbOptions } from "./instance/duck-db.ts";
import { isDead, isInvalidated, writeFailure } from "./instance/duck-errors.ts";
import { fileOf } from "./instance/file-names.ts";
import { Ledger } from "./tables/ledger.ts";
import { guardSchema } from "./instance/reader-guards.ts";
import { ReaderQueries } from "./query/reader-queries.ts";
import { isReserved, ownDatabase } from "./tables/reserved-names.ts";
import { folded, literal, quoted } from "./instance/sql-text.ts";
import { databasesIn, type NamedTable } from "./query/statement-databases.ts";

const log = logger("duckdb");

interface WarehouseOptions extends DuckDbOptions {
  /** As in `WarehouseRequest`. */
  readonly directory: string;
  /** How DuckDB is started: tests replace it to make it fail. */
  readonly start?: (directory: string, options: DuckDbOptions) => Promise<DuckDb>;
}

export class DuckDbWarehouse implements Warehouse {
  readonly #start: () => Promise<DuckDb>;
  readonly #lock: AsyncDisposable;
  #running: RunningDuckDb;
  readonly #open = new Set<DuckDbDatabase>();
  readonly #queries = new ReaderQueries();
  readonly #queue = new SerialQueue();
  #closed = false;

  private constructor(start: () => Promise<DuckDb>, lock: AsyncDisposable, running: RunningDuckDb) {
    this.#start = start;
    this.#lock = lock;
    this.#running = running;
  }

  static async open(
    { directory, start = (path, options) => DuckDb.open(path, options), ...options }: WarehouseOptions,
    signal: AbortSignal,
  ): Promise<DuckDbWarehouse> {
    signal.throwIfAborted();
    const lock = await lockOf(directory);
    const startHere = (): Promise<DuckDb> => start(directory, options);
    try {
      return new DuckDbWarehouse(startHere, lock, await startDuckDb(startHere));
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw writeFailure(error);
    }
  }

  get #duck(): DuckDb {
    return this.#running.duck;
  }

  get #known(): Map<string, KnownDatabase> {
    return this.#running.known;
  }

  async databases(): Promise<readonly WarehouseDatabase[]> {
    const own = { name: ownDatabase, kind: "other" } as const;
    return [own, ...[...this.#known.values()].map(databaseOf)];
  }

  isReserved(name: string): boolean {
    return isReserved(name);
  }

  database(request: DatabaseRequest, signal: AbortSignal): Promise<DestinationDatabase> {
    return this.#queue.run(async () => {
      signal.throwIfAborted();
      this.#refuse(request);
      try {
        return await this.#openDatabase(request);
      } catch (error) {
        if (!isDead(error)) throw writeFailure(error);
        await this.#restart();
      }
      this.#refuse(request);
      return this.#openDatabase(request).catch((error: unknown) => {
        throw writeFailure(error);
      });
    });
  }

  release(stream: StreamIdentity, signal: AbortSignal): Promise<void> {
    return this.#queue.run(async () => {
      signal.throwIfAborted();
      const owned = this.#usable().find((known) => sameStream(known.stream, stream));
      if (owned === undefined) return;
      const { name } = owned;
      const session = await this.#duck.session();
      try {
        const ledger = new Ledger(session, name);
        await session.run("BEGIN");
        await ledger.giveUp();
        await session.run("COMMIT");
        const left = await ledger.ownership();
        this.#known.set(folded(name), { ...owned, ...left, stream: undefined });
      } catch (error) {
        throw writeFailure(error);
      } finally {
        session.close();
      }
    });
  }

  dropDatabase(name: string, signal: AbortSignal): Promise<void> {
    return this.#queue.run(async () => {
      signal.throwIfAborted();
      const known = this.#known.get(folded(name));
      if (known === undefined)
        throw new CodedError("DATABASE_NOT_FOUND", `The warehouse has no database ${JSON.stringify(name)}.`);
      this.#refuseUnusable(known);
      if (known.stream !== undefined)
        throw new CodedError(
          "DATABASE_IN_USE",
          `Database ${JSON.stringify(known.name)} belongs to integration ${known.stream.integrationId}.`,
        );
      try {
        await this.#duck.remove(fileOf(known.name), known.name);
      } catch (error) {
        throw writeFailure(error);
      }
      this.#known.delete(folded(name));
    });
  }

  async query(sql: string, signal: AbortSignal, nested: NestedForm = "text"): Promise<QueryResult> {
    const searchPath = await this.#searchPath();
    const { columns, rows, tables } = await this.#queries.run(
      this.#duck,
      { sql, searchPath, nested },
      signal,
    );
    return { columns, rows, notices: this.#noticesOf(tables) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queries.stop();
    await this.#queue.idle();
    await Promise.all([...this.#open].map((database) => database[Symbol.asyncDispose]()));
    for (const name of [ownDatabase, ...this.#usable().map((known) => known.name)])
      await this.#duck.checkpoint(name).catch((error: unknown) => {
        // The log contains everything: the next opening replays it.
        log.warn(
          { database: name, reason: writeFailure(error).message },
          "A last checkpoint was not possible",
        );
      });
    await this.#duck.close();
    await this.#lock[Symbol.asyncDispose]();
  }

  #refuse({ name, stream }: DatabaseRequest): void {
    const known = this.#known.get(folded(name));
    if (known !== undefined) this.#refuseUnusable(known);
    if (isReserved(name))
      throw new CodedError("DATABASE_NAME_TAKEN", `The warehouse needs the name ${JSON.stringify(name)}.`);
    if (known?.stream !== undefined && !sameStream(known.stream, stream))
      throw new CodedError(
        "DATABASE_NAME_TAKEN",
        `Database ${JSON.stringify(known.name)} belongs to integration ${known.stream.integrationId}.`,
      );
  }

  #refuseUnusable({ name, trouble }: KnownDatabase): void {
    if (trouble !== undefined)
      throw new CodedError(
        "TARGET_FAILED",
        `The file of database ${JSON.stringify(name)} cannot be used: ${trouble}`,
      );
  }

  async #openDatabase(wanted: DatabaseRequest): Promise<DuckDbDatabase> {
    const known = this.#known.get(folded(wanted.name));
    const isNew = known === undefined;
    const request = { ...wanted, name: known?.name ?? wanted.name };
    if (isNew) await this.#duck.attach(fileOf(request.name), request.name);
    try {
      const database = await this.#openAttached(request);
      const { name, stream, source } = request;
      this.#known.set(folded(name), {
        name,
        stream,
        origin: { source, sourceDatabase: stream.sourceDatabase },
        isVacant: false,
        hasLeftRows: database.hasLeftRows,
      });
      this.#open.add(database);
      return database;
    } catch (error) {
      if (isNew) await this.#duck.detach(request.name).catch(() => {});
      throw error;
    }
  }

  async #openAttached(request: DatabaseRequest): Promise<DuckDbDatabase> {
    const open = (): Promise<DuckDbDatabase> =>
      DuckDbDatabase.open(this.#duck, request, (closed) => {
        this.#open.delete(closed);
        const known = this.#known.get(folded(closed.name));
        if (known !== undefined)
          this.#known.set(folded(closed.name), { ...known, hasLeftRows: closed.hasLeftRows });
      });
    try {
      return await open();
    } catch (error) {
      if (!isInvalidated(error)) throw error;
      await this.#duck.reattach(fileOf(request.name), request.name);
      return open();
    }
  }

  /** After an internal error of DuckDB nothing works until it is restarted. */
  async #restart(): Promise<void> {
    log.error({ directory: this.#duck.directory }, "DuckDB has failed and is started again");
    await this.#queries.stop();
    await Promise.all([...this.#open].map((database) => database[Symbol.asyncDispose]()));
    await this.#duck.close();
    this.#running = await startDuckDb(this.#start);
  }

  /** Notices for readers about databases that a statement names and that no stream keeps in sync with their source. */
  #noticesOf(tables: readonly NamedTable[]): string[] {
    const open = new Map([...this.#open].map((database) => [database.name, database.hasLeftRows]));
    const usable = this.#usable();
    const old = usable.filter(
      ({ name, stream, hasLeftRows }) => stream === undefined || (open.get(name) ?? hasLeftRows),
    );
    const found = databasesIn(tables, {
      databases: old.map(({ name }) => name),
      only: usable.length === 1 ? usable[0]?.name : undefined,
    });
    return old.filter(({ name }) => found.includes(name)).map(noticeOf);
  }

  /** With one destination database, its schemas are found without naming it; with several, that could be a guess. */
  async #searchPath(): Promise<string> {
    const own = `${quoted(ownDatabase)}.main`;
    const [only, ...others] = this.#usable();
    const schemas = only === undefined || others.length > 0 ? [] : await this.#duck.schemas(only.name);
    const paths = schemas.map((schema) => `${quoted(only?.name ?? "")}.${quoted(schema)}`);
    return literal([own, ...paths, guardSchema].join(","));
  }

  #usable(): KnownDatabase[] {
    return [...this.#known.values()].filter(({ trouble }) => trouble === undefined);
  }
}

function databaseOf({ name, trouble, stream, origin, isVacant }: KnownDatabase): WarehouseDatabase {
  if (trouble !== undefined) return { name, kind: "other" };
  return stream === undefined ? { name, kind: "orphan", origin, isVacant } : { name, kind: "owned", stream };
}

function noticeOf({ name, stream }: KnownDatabase): string {
  const database = `Database ${JSON.stringify(name)}`;
  return stream === undefined
    ? `${database} is not replicated any more: the integration that filled it was deleted.`
    : `${database} is being copied: until that is done, its tables are those of an integration that was deleted.`;
}

function sameStream(a: StreamIdentity | undefined, b: StreamIdentity): boolean {
  return a?.integrationId === b.integrationId && a.sourceDatabase === b.sourceDatabase;
}

async function lockOf(directory: string): Promise<DirectoryLock> {
  try {
    return await DirectoryLock.take(directory);
  } catch (error) {
    if (error instanceof CodedError && error.code === "DATA_DIRECTORY_LOCKED")
      throw new CodedError("TARGET_LOCKED", error.message, { cause: error });
    throw error;
  }
}
