import { mkdir, rm, statfs } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { DuckDBInstance, type DuckDBValue } from "@duckdb/node-api";
import { holdThreads } from "../../../base/end-process.ts";
import { CodedError } from "../../../base/errors.ts";
import { SerialQueue } from "../../../base/serial-queue.ts";
import { Feeds } from "../../../columnar/feed.ts";
import { duckFailure } from "./duck-errors.ts";
import { GiveBack } from "./give-back.ts";
import { Ledger, type Ownership } from "../tables/ledger.ts";
import { wholeTable } from "../tables/physical-tables.ts";
import { ledgerSchema } from "../tables/reserved-names.ts";
import { makeGuards } from "./reader-guards.ts";
import type { RowSizes } from "../tables/row-sizes.ts";
import { Session } from "./session.ts";
import { literal, quoted } from "./sql-text.ts";

interface DuckDbParts {
  readonly directory: string;
  readonly rowSizes: RowSizes;
  readonly memoryBytes: number;
  readonly spillBytes: number;
  /** A session for releasing memory. */
  readonly own: Session;
  readonly lookUps: Session;
}

export interface DuckDbOptions {
  /** Memory limit of DuckDB. */
  readonly memoryBytes?: number | undefined;
  readonly threads?: number | undefined;
  /** Limit for temporary files. Default: half of the free disk space. */
  readonly spillBytes?: number | undefined;
  /** Default: derived from the memory limit. */
  readonly rowSizes?: RowSizes;
}

/** Enough for the work of a stream; less on a machine with little memory. */
export function defaultMemoryBytes(): number {
  const constrained = process.constrainedMemory();
  const machine = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.min(512_000_000, Math.max(256_000_000, Math.floor(machine / 4)));
}

/**
 * One core is left to our own thread, which every writing statement waits for; and DuckDB spins while one of its
 * threads waits for another: with as many threads as cores it took twice the processor time.
 */
export function defaultThreads(): number {
  return Math.min(4, Math.max(1, availableParallelism() - 1));
}

/** A row is in memory twice while it is committed. */
function rowSizesFor(memoryBytes: number): RowSizes {
  return {
    largeBytes: 32 * 1024,
    groupBytes: 16 * 1024 ** 2,
    // A row group of DuckDB has 122,880 rows: 15 groups, which a checkpoint rewrites together.
    groupRows: 8192,
    rowBytesMax: Math.floor((memoryBytes * 2) / 5),
  };
}

/** One running DuckDB with the database files of one directory attached. Does not know of streams. */
export class DuckDb {
  readonly directory: string;
  /** Memory limit of DuckDB. */
  readonly memoryBytes: number;
  /** Limit for temporary files. */
  readonly spillBytes: number;
  readonly feeds: Feeds;
  readonly rowSizes: RowSizes;
  readonly #instance: DuckDBInstance;
  readonly #session: Session;
  readonly #others = new Set<Session>();
  /** A statement that reads rows from this process waits for JavaScript. */
  readonly #threads = holdThreads();
  /** The writing sessions among `#others`. */
  readonly #writers = new Set<Session>();
  readonly #own: Session;
  readonly #giveBack: GiveBack;
  readonly #queue = new SerialQueue();
  readonly #lookUps: Session;
  readonly #lookUpQueue = new SerialQueue();
  /** The users' schemas of each database, as of its last change. */
  readonly #schemas = new Map<string, Promise<string[]>>();

  private constructor(
    { directory, rowSizes, memoryBytes, spillBytes, own, lookUps }: DuckDbParts,
    instance: DuckDBInstance,
    session: Session,
  ) {
    this.directory = directory;
    this.memoryBytes = memoryBytes;
    this.spillBytes = spillBytes;
    this.rowSizes = rowSizes;
    this.#instance = instance;
    this.#session = session;
    this.feeds = new Feeds(session.connection);
    this.#own = own;
    this.#lookUps = lookUps;
    this.#giveBack = new GiveBack({
      session: own,
      memoryBytes,
      isRead: () => this.#others.size > this.#writers.size,
    });
  }

  /** The directory must belong to this process. */
  static async open(directory: string, options: DuckDbOptions = {}): Promise<DuckDb> {
    const memoryBytes = options.memoryBytes ?? defaultMemoryBytes();
    const rowSizes = options.rowSizes ?? rowSizesFor(memoryBytes);
    const temporary = temporaryIn(directory);
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true, mode: 0o700 });
    const spillBytes = options.spillBytes ?? (await freeBytes(temporary)) / 2;
    const instance = await DuckDBInstance.create(
      ":memory:",
      settings(temporary, { ...options, memoryBytes }),
    );
    const session = await Session.open(instance, () => {});
    await session.run(`SET GLOBAL allowed_directories = [${literal(join(directory, "/"))}]`);
    // From here on SQL cannot reach files outside the directory, the network or extensions.
    await session.run("SET GLOBAL enable_external_access = false");
    await session.run("SET GLOBAL TimeZone = 'UTC'");
    // Not among the settings that an instance is created with: there it has no effect.
    await session.run(`SET GLOBAL max_temp_directory_size = '${Math.floor(spillBytes)}B'`);
    await makeGuards(session);
    // Memory is released by lowering the limit for a moment.
    await session.run("SET GLOBAL allowed_configs = ['memory_limit', 'enable_caching_operators']");
    await session.run("SET GLOBAL lock_configuration = true");
    const own = await Session.open(instance, () => {});
    const lookUps = await Session.open(instance, () => {});
    return new DuckDb({ directory, rowSizes, memoryBytes, spillBytes, own, lookUps }, instance, session);
  }

  /** For files that DuckDB creates and deletes. */
  get temporaryDirectory(): string {
    return temporaryIn(this.directory);
  }

  /** A session for the caller, for reading. */
  async session(): Promise<Session> {
    const session = await Session.open(this.#instance, (closed) => {
      this.#others.delete(closed);
      this.#writers.delete(closed);
    });
    this.#others.add(session);
    return session;
  }

  /** A session for the caller, for writing. */
  async writerSession(): Promise<Session> {
    const session = await this.session();
    this.#writers.add(session);
    return session;
  }

  /** Short statements for all readers: each is prepared once. Returns all rows. */
  lookUp(sql: string, values: readonly DuckDBValue[]): Promise<Record<string, DuckDBValue>[]> {
    return this.#lookUpQueue.run(() => this.#lookUps.rowsKept(sql, values));
  }

  /** Reports how much has been written. */
  applied(bytes: number): void {
    this.#giveBack.applied(bytes);
  }

  /** Creates the file if absent. */
  async attach(file: string, name: string): Promise<void> {
    await this.#run(`ATTACH ${literal(join(this.directory, file))} AS ${quoted(name)}`);
    this.schemasChanged(name);
  }

  async detach(name: string): Promise<void> {
    await this.#run(`DETACH ${quoted(name)}`);
    this.schemasChanged(name);
  }

  /** Detaches a database and deletes its files. */
  async remove(file: string, name: string): Promise<void> {
    await this.detach(name);
    // The log first: otherwise, without its database, it would be replayed into the next database of that name.
    for (const path of [`${file}.wal`, file]) await rm(join(this.directory, path), { force: true });
  }

  /** After a checkpoint that could not be written, DuckDB requires the file to be opened again. */
  async reattach(file: string, name: string): Promise<void> {
    // Detaching attempts a checkpoint again, and detaches whether or not that succeeds.
    await this.detach(name).catch(() => {});
    await this.attach(file, name);
  }

  ownership(name: string): Promise<Ownership | undefined> {
    return this.#queue.run(() => new Ledger(this.#session, name).ownership());
  }

  /** The users' schemas, without zeroetl's own. */
  schemas(name: string): Promise<string[]> {
    const known = this.#schemas.get(name);
    if (known !== undefined) return known;
    const found = this.#readSchemas(name);
    this.#schemas.set(name, found);
    found.catch(() => this.schemasChanged(name));
    return found;
  }

  /** Schemas of the database may have been created: to be called after the commit. */
  schemasChanged(name: string): void {
    this.#schemas.delete(name);
  }

  /** Rows of zeroetl's tables, by name; includes rows that have been deleted since the last checkpoint. */
  async estimatedRows(name: string): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#queue.run(() =>
      this.#session.rows(
        "SELECT table_name, estimated_size FROM duckdb_tables() WHERE database_name = $1 AND schema_name = $2",
        [name, ledgerSchema],
      ),
    );
    return new Map(rows.map((row) => [String(row["table_name"]), Number(row["estimated_size"])]));
  }

  /**
   * Rows of physical tables with their large parts, by name, as of the last commit. Empty if one of them has been
   * dropped in the meantime. `hasLargePart`: as of a moment ago.
   */
  async countRows(
    name: string,
    tables: readonly { readonly table: string; readonly hasLargePart: boolean }[],
  ): Promise<ReadonlyMap<string, number>> {
    const schema = `${quoted(name)}.${quoted(ledgerSchema)}`;
    const counts = tables.map(
      (each) =>
        `SELECT ${literal(each.table)} AS name, count(*) AS rows FROM (${wholeTable({ schema, ...each }, ["1"])})`,
    );
    try {
      const rows = await this.#queue.run(() => this.#session.rows(counts.join(" UNION ALL ")));
      return new Map(rows.map((row) => [String(row["name"]), Number(row["rows"])]));
    } catch (error) {
      if (duckFailure(error)?.type === "Catalog") return new Map();
      throw error;
    }
  }

  /** Throws `CodedError` TARGET_DISK_FULL if too little disk space is left for another transaction. */
  async requireSpace(): Promise<void> {
    const bytes = await freeBytes(this.directory);
    if (bytes >= freeBytesNeeded) return;
    throw new CodedError("TARGET_DISK_FULL", spaceLeft(bytes));
  }

  /** Writes the log to the database file, so that closing and the next opening are fast. */
  async checkpoint(name: string): Promise<void> {
    await this.#run(`CHECKPOINT ${quoted(name)}`);
  }

  /** Closes sessions that are still open; none of them may be running a statement. */
  async close(): Promise<void> {
    await this.#giveBack.end();
    for (const session of this.#others) session.close();
    await this.#lookUpQueue.idle();
    this.#lookUps.close();
    this.#own.close();
    this.#session.close();
    this.#instance.closeSync();
    this.#threads[Symbol.dispose]();
  }

  async #readSchemas(name: string): Promise<string[]> {
    const rows = await this.lookUp(
      `SELECT schema_name FROM duckdb_schemas()
       WHERE database_name = $1 AND schema_name NOT IN ('information_schema', 'pg_catalog', $2) ORDER BY 1`,
      [name, ledgerSchema],
    );
    return rows.map((row) => String(row["schema_name"]));
  }

  async #run(sql: string): Promise<void> {
    await this.#queue.run(() => this.#session.run(sql));
  }
}

function temporaryIn(directory: string): string {
  return join(directory, "tmp");
}

/** With less disk space, no transaction begins: the catalog, beside the warehouse, keeps the rest for its own writes. */
export const freeBytesNeeded = 64 * 1024 ** 2;

export function spaceLeft(bytes: number): string {
  return `${Math.floor(bytes / 1024 ** 2)} MiB of disk space are left for the warehouse.`;
}

/** Free disk space for a directory. */
export async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

function settings(
  temporary: string,
  { memoryBytes, threads = defaultThreads() }: DuckDbOptions & { readonly memoryBytes: number },
): Record<string, string> {
  return {
    // The whole process must stay small relative to its idle size, whatever the transaction: what does not fit is
    // spilled.
    memory_limit: `${memoryBytes}B`,
    threads: String(threads),
    // Compress row groups one at a time, while the next rows are read and decoded, instead of five at a time.
    write_buffer_row_group_count: "1",
    temp_directory: temporary,
    // A checkpoint rewrites every row group that contains a changed row: with scattered keys that is the whole table,
    // and at the default of 16 MB every few batches would wait for it. Replaying after a crash costs about 16 ms per
    // MB.
    checkpoint_threshold: "256MB",
    // Otherwise DuckDB's allocator keeps freed memory until the same thread allocates again: up to 2 GB.
    allocator_background_threads: "true",
    allocator_flush_threshold: "16MB",
    allocator_bulk_deallocation_flush_threshold: "32MB",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    allow_community_extensions: "false",
    errors_as_json: "true",
  };
}
