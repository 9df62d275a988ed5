import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "../../base/errors.ts";
import { DirectoryLock } from "../../base/directory-lock.ts";
import { logger } from "../../base/log.ts";
import type {
  DatabaseRequest,
  DestinationDatabase,
  QueryResult,
  StreamIdentity,
  Warehouse,
  WarehouseRequest,
} from "../target.ts";
import { DuckDbDatabase } from "./destination-database.ts";
import { DuckDb } from "./duck-db.ts";
import { isInvalidated, writeFailure } from "./duck-errors.ts";
import { fileOf, isDatabaseFile, nameOf } from "./file-names.ts";
import { Ledger } from "./ledger.ts";
import { Permits } from "./permits.ts";
import { ReaderQuery } from "./reader-query.ts";
import { folded, literal, quoted } from "./sql-text.ts";

const log = logger("duckdb");

/** The user's own database, which no stream fills. */
const ownDatabase = "dev";

/** Names that DuckDB or zeroetl needs for itself. */
const reserved = new Set([
  ownDatabase,
  "system",
  "temp",
  "memory",
  "main",
  "information_schema",
  "pg_catalog",
]);

// Every running query holds a thread of the pool that applying needs too, and a share of the memory.
const queriesMax = 4;

/** A destination database, or a file that could be one. */
interface Known {
  readonly name: string;
  readonly stream: StreamIdentity | undefined;
  /** Why the file cannot be used now. */
  readonly trouble?: string;
}

export class DuckDbWarehouse implements Warehouse {
  readonly #duck: DuckDb;
  readonly #lock: AsyncDisposable;
  /** By folded name; `dev` is not among them. */
  readonly #known: Map<string, Known>;
  readonly #open = new Map<string, DuckDbDatabase>();
  readonly #permits = new Permits(queriesMax);
  readonly #queries = new Set<ReaderQuery>();
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(duck: DuckDb, lock: AsyncDisposable, known: Map<string, Known>) {
    this.#duck = duck;
    this.#lock = lock;
    this.#known = known;
  }

  static async open({ directory }: WarehouseRequest, signal: AbortSignal): Promise<DuckDbWarehouse> {
    signal.throwIfAborted();
    const lock = await lockOf(directory);
    try {
      const duck = await DuckDb.open(directory);
      try {
        await duck.attach(fileOf(ownDatabase), ownDatabase);
        return new DuckDbWarehouse(duck, lock, await findDatabases(duck));
      } catch (error) {
        duck.close();
        throw error;
      }
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw writeFailure(error);
    }
  }

  databases(): readonly string[] {
    return [ownDatabase, ...[...this.#known.values()].map(({ name }) => name)];
  }

  databaseOf(stream: StreamIdentity): string | undefined {
    return [...this.#known.values()].find((known) => sameStream(known.stream, stream))?.name;
  }

  streams(): readonly StreamIdentity[] {
    return [...this.#known.values()].flatMap(({ stream }) => (stream === undefined ? [] : [stream]));
  }

  database(request: DatabaseRequest, signal: AbortSignal): Promise<DestinationDatabase> {
    return this.#inTurn(async () => {
      signal.throwIfAborted();
      const known = this.#known.get(folded(request.name));
      this.#refuse(request, known);
      try {
        if (known === undefined) await this.#duck.attach(fileOf(request.name), request.name);
        const database = await this.#openDatabase(request);
        this.#known.set(folded(request.name), request);
        this.#open.set(request.name, database);
        return database;
      } catch (error) {
        if (known === undefined) await this.#duck.detach(request.name).catch(() => {});
        throw writeFailure(error);
      }
    });
  }

  release(stream: StreamIdentity, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      signal.throwIfAborted();
      const name = this.databaseOf(stream);
      if (name === undefined) return;
      const session = await this.#duck.session();
      try {
        await new Ledger(session, name).giveUp();
      } catch (error) {
        throw writeFailure(error);
      } finally {
        session.close();
      }
      this.#known.set(folded(name), { name, stream: undefined });
    });
  }

  async query(sql: string, signal: AbortSignal): Promise<QueryResult> {
    const giveBack = await this.#permits.take(signal);
    try {
      const searchPath = await this.#searchPath();
      const query = new ReaderQuery(
        await this.#duck.session(),
        () => {
          this.#queries.delete(query);
          giveBack();
        },
        signal,
      );
      this.#queries.add(query);
      return await query.run(sql, searchPath);
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#queries].map((query) => query.stop()));
    await this.#turn;
    await Promise.all([...this.#open.values()].map((database) => database[Symbol.asyncDispose]()));
    for (const name of this.databases())
      await this.#duck.checkpoint(name).catch((error: unknown) => {
        // The log holds everything: the next opening replays it.
        log.warn(
          { database: name, reason: writeFailure(error).message },
          "A last checkpoint was not possible",
        );
      });
    this.#duck.close();
    await this.#lock[Symbol.asyncDispose]();
  }

  #refuse({ name, stream }: DatabaseRequest, known: Known | undefined): void {
    if (known?.trouble !== undefined)
      throw new CodedError(
        "TARGET_FAILED",
        `The file of database ${JSON.stringify(name)} cannot be used: ${known.trouble}`,
      );
    if (reserved.has(folded(name)) || (known !== undefined && !sameStream(known.stream, stream)))
      throw new CodedError(
        "DATABASE_NAME_TAKEN",
        `The warehouse has another database named ${JSON.stringify(name)}.`,
      );
  }

  async #openDatabase(request: DatabaseRequest): Promise<DuckDbDatabase> {
    const open = (): Promise<DuckDbDatabase> => DuckDbDatabase.open(this.#duck, request);
    try {
      return await open();
    } catch (error) {
      if (!isInvalidated(error)) throw error;
      await this.#duck.reattach(fileOf(request.name), request.name);
      return open();
    }
  }

  /** With one destination database its schemas are found without naming it; with several that could be a guess. */
  async #searchPath(): Promise<string> {
    const own = `${quoted(ownDatabase)}.main`;
    const [only, ...others] = [...this.#known.values()].filter(({ trouble }) => trouble === undefined);
    const schemas = only === undefined || others.length > 0 ? [] : await this.#duck.schemas(only.name);
    const paths = schemas.map((schema) => `${quoted(only?.name ?? "")}.${quoted(schema)}`);
    return literal([own, ...paths].join(","));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

function sameStream(a: StreamIdentity | undefined, b: StreamIdentity): boolean {
  return a?.integrationId === b.integrationId && a.sourceDatabase === b.sourceDatabase;
}

async function lockOf(directory: string): Promise<DirectoryLock> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  try {
    return await DirectoryLock.take(directory);
  } catch (error) {
    if (error instanceof CodedError && error.code === "DATA_DIRECTORY_LOCKED")
      throw new CodedError("TARGET_LOCKED", `The warehouse ${directory} is in use by another process.`, {
        cause: error,
      });
    throw error;
  }
}

/** Attaches every file of the directory. One that cannot be used is left to itself: it must not stop the others. */
async function findDatabases(duck: DuckDb): Promise<Map<string, Known>> {
  const found = new Map<string, Known>();
  const files = (await readdir(duck.directory)).filter(
    (file) => isDatabaseFile(file) && file !== fileOf(ownDatabase),
  );
  for (const file of files.toSorted()) {
    const known = await findDatabase(duck, file);
    if (known !== undefined) found.set(folded(known.name), known);
  }
  return found;
}

/** Undefined for a file that was made but never filled: it is made anew when its name is wanted. */
async function findDatabase(duck: DuckDb, file: string): Promise<Known | undefined> {
  const passing = `_zeroetl_${file}`;
  try {
    await duck.attach(file, passing);
    const ownership = await duck.ownership(passing);
    await duck.detach(passing);
    if (ownership === undefined) return undefined;
    await duck.attach(file, ownership.name);
    return ownership;
  } catch (error) {
    const trouble = writeFailure(error).message;
    log.error({ file: join(duck.directory, file), reason: trouble }, "A database file cannot be opened");
    return { name: nameOf(file), stream: undefined, trouble };
  }
}
