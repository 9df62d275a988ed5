import { existsSync, readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import type { DirectoryLock } from "../../../src/base/directory-lock.ts";
import { CodedError, type ErrorCode } from "../../../src/base/errors.ts";
import { SerialQueue } from "../../../src/base/serial-queue.ts";
import type { DatabaseRequest, Warehouse, WarehouseDatabase } from "../../../src/target/target.ts";
import { ToyDatabase } from "./database.ts";
import type { Shown, State } from "./state.ts";

const quoted = '"((?:[^"]|"")*)"';
const selection = new RegExp(`^SELECT \\* FROM ${quoted}\\.${quoted}\\.${quoted}$`, "u");

/** Everything is in one file: replacing it commits. */
export class ToyWarehouse implements Warehouse {
  /** What is committed, by the names of databases. */
  states: ReadonlyMap<string, State>;
  /** Takes what reads a state and replaces it. */
  readonly queue = new SerialQueue();
  readonly #path: string;
  readonly #lock: DirectoryLock;

  constructor(directory: string, lock: DirectoryLock) {
    this.#path = join(directory, "databases.json");
    this.#lock = lock;
    const text = existsSync(this.#path) ? readFileSync(this.#path, "utf8") : "[]";
    this.states = new Map(JSON.parse(text) as [string, State][]);
  }

  /** Commits the state of a database, or its end: afterwards it is durable and visible. */
  async save(name: string, state: State | undefined): Promise<void> {
    const states = new Map(this.states);
    if (state === undefined) states.delete(name);
    else states.set(name, state);
    await writeFile(`${this.#path}.next`, JSON.stringify([...states]), { flush: true });
    await rename(`${this.#path}.next`, this.#path);
    this.states = states;
  }

  async database({ name, stream, source, epoch }: DatabaseRequest): Promise<ToyDatabase> {
    if (this.isReserved(name)) refuse("DATABASE_NAME_TAKEN", `The name "${name}" is reserved.`);
    await this.queue.run(async () => {
      const state = this.states.get(name);
      if (state?.owner !== undefined && !isDeepStrictEqual(state.owner, stream))
        refuse("DATABASE_NAME_TAKEN", `Another stream owns the database "${name}".`);
      if (state !== undefined && state.epoch >= epoch)
        refuse("TARGET_FENCED", `Database "${name}" has been opened by another writer.`);
      const origin = { source, sourceDatabase: stream.sourceDatabase };
      // A database without an owner leaves its rows for readers.
      const left = state === undefined ? [] : shownIn(state);
      const kept = state?.owner === undefined ? { tables: {}, left } : state;
      await this.save(name, { ...kept, owner: stream, origin, epoch });
    });
    return new ToyDatabase(name, this, epoch);
  }

  async databases(): Promise<readonly WarehouseDatabase[]> {
    const found = [...this.states].map(([name, state]): WarehouseDatabase => {
      const { owner: stream, origin } = state;
      return stream === undefined
        ? { name, kind: "orphan", origin, isVacant: shownIn(state).length === 0 }
        : { name, kind: "owned", stream };
    });
    return Promise.resolve([{ name: "dev", kind: "other" }, ...found]);
  }

  readonly isReserved = (name: string): boolean => name === "dev";

  async dropDatabase(name: string): Promise<void> {
    await this.queue.run(async () => {
      const state = this.states.get(name);
      if (state === undefined) refuse("DATABASE_NOT_FOUND", `There is no database "${name}".`);
      if (state.owner !== undefined) refuse("DATABASE_IN_USE", `A stream owns the database "${name}".`);
      await this.save(name, undefined);
    });
  }

  async release(stream: DatabaseRequest["stream"]): Promise<void> {
    await this.queue.run(async () => {
      for (const [name, state] of this.states)
        if (isDeepStrictEqual(state.owner, stream)) await this.save(name, { ...state, owner: undefined });
    });
  }

  async query(sql: string): ReturnType<Warehouse["query"]> {
    const names = selection.exec(sql)?.slice(1) ?? [];
    const [database = "", schema, table] = names.map((part) => part.replaceAll('""', '"'));
    const state = this.states.get(database);
    const shown = state && shownIn(state).find(({ name }) => isDeepStrictEqual(name, { schema, table }));
    if (shown === undefined) refuse("QUERY_FAILED", "Only SELECT * FROM a table that exists can be run.");
    const columns = shown.columns.map(({ name, type }) => ({ name, type: type.kind }));
    return Promise.resolve({ columns, notices: [], rows: Readable.from([shown.rows]) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock[Symbol.asyncDispose]();
  }
}

function shownIn({ tables, left }: State): Shown[] {
  return [...left, ...Object.values(tables).flatMap(({ shown }) => shown ?? [])];
}

function refuse(code: ErrorCode, message: string): never {
  throw new CodedError(code, message);
}
