import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SerialQueue } from "../../../src/base/serial-queue.ts";
import type { Row, Shown, State, Table } from "./state.ts";

type Stored<T> = Omit<T, "rows"> & { readonly file: string | undefined };

/** The ledger: a `State` with the names of files in place of rows. */
interface Ledger extends Omit<State, "tables" | "left"> {
  readonly name: string;
  readonly tables: readonly (Omit<Stored<Table>, "shown"> & { readonly shown: Stored<Shown> | undefined })[];
  readonly left: readonly Stored<Shown>[];
}

const ledgerFile = "ledger.json";

/**
 * One destination database: a directory with a file of JSON lines for each version of a table's rows, and the ledger that
 * refers to them. Replacing the ledger commits everything at once.
 */
export class StoredDatabase {
  readonly name: string;
  readonly directory: string;
  /** Takes what reads the state and replaces it. */
  readonly queue = new SerialQueue();
  #state: State | undefined;
  readonly #files = new WeakMap<readonly Row[], string>();
  #written = 0;

  constructor(directory: string, name: string) {
    this.directory = directory;
    this.name = name;
  }

  static async load(directory: string): Promise<StoredDatabase> {
    const ledger = JSON.parse(await readFile(join(directory, ledgerFile), "utf8")) as Ledger;
    const database = new StoredDatabase(directory, ledger.name);
    const read = new Map<string | undefined, readonly Row[]>();
    for (const { file, shown } of [
      ...ledger.tables,
      ...ledger.left.map((left) => ({ ...left, shown: left })),
    ])
      for (const name of [file, shown?.file])
        if (name !== undefined && !read.has(name)) read.set(name, await database.#read(name));
    const shownOf = ({ file, ...shown }: Stored<Shown>): Shown => ({ ...shown, rows: read.get(file) ?? [] });
    const tables = ledger.tables.map(({ file, shown, ...table }): [string, Table] => [
      table.definition.id,
      { ...table, rows: read.get(file), shown: shown && shownOf(shown) },
    ]);
    database.#state = { ...ledger, tables: new Map(tables), left: ledger.left.map(shownOf) };
    return database;
  }

  /** What is committed; undefined if the database has not been created. */
  get state(): State | undefined {
    return this.#state;
  }

  /** Commits a state: afterwards it is durable and visible. */
  async save(state: State): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    for (const rows of rowsOf(state)) if (!this.#files.has(rows)) await this.#write(rows, state.epoch);
    const stored = <T extends { rows: readonly Row[] | undefined }>({ rows, ...rest }: T) => ({
      ...rest,
      file: rows && this.#files.get(rows),
    });
    const tables = [...state.tables.values()].map(({ shown, ...table }) => ({
      ...stored(table),
      shown: shown && stored(shown),
    }));
    const ledger = { ...state, name: this.name, tables, left: state.left.map(stored) };
    const next = join(this.directory, `${ledgerFile}.next`);
    await writeFile(next, JSON.stringify(ledger), { flush: true });
    await rename(next, join(this.directory, ledgerFile));
    this.#state = state;
    await this.#removeUnused(state);
  }

  async #read(file: string): Promise<readonly Row[]> {
    const lines = (await readFile(join(this.directory, file), "utf8")).split("\n").slice(0, -1);
    const rows = lines.map((line) => JSON.parse(line) as Row);
    this.#files.set(rows, file);
    return rows;
  }

  async #write(rows: readonly Row[], epoch: number): Promise<void> {
    this.#written += 1;
    const file = `rows-${epoch}-${this.#written}.jsonl`;
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
    await writeFile(join(this.directory, file), lines.join(""), { flush: true });
    this.#files.set(rows, file);
  }

  async #removeUnused(state: State): Promise<void> {
    const used = new Set(rowsOf(state).map((rows) => this.#files.get(rows)));
    for (const file of await readdir(this.directory))
      if (file !== ledgerFile && !used.has(file)) await rm(join(this.directory, file));
  }
}

function rowsOf({ tables, left }: State): (readonly Row[])[] {
  const all = [...tables.values()].flatMap(({ rows, shown }) => [rows, shown?.rows]);
  return [...all, ...left.map(({ rows }) => rows)].filter((rows) => rows !== undefined);
}
