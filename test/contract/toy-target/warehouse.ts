import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DirectoryLock } from "../../../src/base/directory-lock.ts";
import { CodedError, type ErrorCode } from "../../../src/base/errors.ts";
import type {
  DatabaseRequest,
  DestinationDatabase,
  Origin,
  QueryResult,
  StreamIdentity,
  Warehouse,
  WarehouseDatabase,
} from "../../../src/target/target.ts";
import { ToyDatabase } from "./database.ts";
import { sameName, shownIn, type State } from "./state.ts";
import { StoredDatabase } from "./stored-database.ts";

const prefix = "database-";
const quoted = '"((?:[^"]|"")*)"';
const selection = new RegExp(`^SELECT \\* FROM ${quoted}\\.${quoted}\\.${quoted}$`, "u");

export class ToyWarehouse implements Warehouse {
  readonly #directory: string;
  readonly #lock: DirectoryLock;
  readonly #databases = new Map<string, StoredDatabase>();

  private constructor(directory: string, lock: DirectoryLock) {
    this.#directory = directory;
    this.#lock = lock;
  }

  static async open(directory: string): Promise<ToyWarehouse> {
    const warehouse = new ToyWarehouse(directory, await DirectoryLock.take(directory));
    for (const entry of (await readdir(directory)).toSorted()) {
      if (!entry.startsWith(prefix)) continue;
      const stored = await StoredDatabase.load(join(directory, entry));
      warehouse.#databases.set(stored.name, stored);
    }
    return warehouse;
  }

  async database(request: DatabaseRequest): Promise<DestinationDatabase> {
    const { name, stream, source, epoch } = request;
    if (this.isReserved(name)) refuse("DATABASE_NAME_TAKEN", `The name "${name}" is reserved.`);
    const directory = join(this.#directory, prefix + encodeURIComponent(name));
    const stored = this.#databases.get(name) ?? new StoredDatabase(directory, name);
    this.#databases.set(name, stored);
    await stored.queue.run(async () => {
      const { state } = stored;
      if (state?.owner !== undefined && !sameStream(state.owner, stream))
        refuse("DATABASE_NAME_TAKEN", `Another stream owns the database "${name}".`);
      if (state !== undefined && state.epoch >= epoch)
        refuse("TARGET_FENCED", `Database "${name}" has been opened by another writer.`);
      const origin = { source, sourceDatabase: stream.sourceDatabase };
      const kept = state?.owner === undefined ? beginning(state, origin) : state;
      await stored.save({ ...kept, owner: stream, origin, epoch });
    });
    return new ToyDatabase(stored, epoch);
  }

  async databases(): Promise<readonly WarehouseDatabase[]> {
    const found = [...this.#databases.values()].flatMap(({ name, state }): WarehouseDatabase[] => {
      if (state === undefined) return [];
      const { owner: stream, origin } = state;
      if (stream !== undefined) return [{ name, kind: "owned", stream }];
      return [{ name, kind: "orphan", origin, isVacant: shownIn(state).length === 0 }];
    });
    return Promise.resolve([{ name: "dev", kind: "other" }, ...found]);
  }

  isReserved(name: string): boolean {
    return name === "dev";
  }

  async dropDatabase(name: string): Promise<void> {
    const stored = this.#databases.get(name);
    if (stored?.state === undefined) refuse("DATABASE_NOT_FOUND", `There is no database "${name}".`);
    if (stored.state.owner !== undefined) refuse("DATABASE_IN_USE", `A stream owns the database "${name}".`);
    await rm(stored.directory, { recursive: true });
    this.#databases.delete(name);
  }

  async release(stream: StreamIdentity): Promise<void> {
    for (const stored of this.#databases.values())
      await stored.queue.run(async () => {
        const { state } = stored;
        if (state?.owner !== undefined && sameStream(state.owner, stream))
          await stored.save({ ...state, owner: undefined });
      });
  }

  async query(sql: string): Promise<QueryResult> {
    const match = selection.exec(sql);
    if (match === null)
      refuse("QUERY_FAILED", 'The only statement is SELECT * FROM "database"."schema"."table".');
    const [database = "", schema = "", table = ""] = match.slice(1).map((part) => part.replaceAll('""', '"'));
    const state = this.#databases.get(database)?.state;
    const shown = state && shownIn(state).find(({ name }) => sameName(name, { schema, table }));
    if (shown === undefined) refuse("QUERY_FAILED", `There is no table ${match.slice(1).join(".")}.`);
    const columns = shown.columns.map(({ name, type }) => ({ name, type: type.kind }));
    return Promise.resolve({ columns, notices: [], rows: chunksOf(shown.rows) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock[Symbol.asyncDispose]();
  }
}

/** An empty database; one that has no owner leaves its rows for readers. */
function beginning(orphan: State | undefined, origin: Origin): State {
  const left = orphan === undefined ? [] : shownIn(orphan);
  return {
    owner: undefined,
    origin,
    epoch: 0,
    checkpoint: undefined,
    copies: undefined,
    tables: new Map(),
    left,
  };
}

async function* chunksOf<T>(rows: readonly T[]): AsyncGenerator<readonly T[]> {
  yield await Promise.resolve(rows);
}

function sameStream(a: StreamIdentity, b: StreamIdentity): boolean {
  return a.integrationId === b.integrationId && a.sourceDatabase === b.sourceDatabase;
}

function refuse(code: ErrorCode, message: string): never {
  throw new CodedError(code, message);
}
