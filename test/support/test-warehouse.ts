import { cp, lstat } from "node:fs/promises";
import { assert, present } from "../../src/base/assert.ts";
import type { TableEvent } from "../../src/model/replication/block.ts";
import type { Delta, DeltaStep, Move, Patch, RowsStep } from "../../src/model/replication/delta.ts";
import { asPosition } from "../../src/model/replication/position.ts";
import type { Relation } from "../../src/model/replication/relation.ts";
import type { TupleRun } from "../../src/model/replication/tuple.ts";
import type { DatabaseView, DestinationDatabase, TargetEngine, Warehouse } from "../../src/target/target.ts";
import { runOf, unchanged, type Cell } from "./plain-tuples.ts";
import { TemporaryDirectory } from "./temporary.ts";

export const never = new AbortController().signal;
export const shopStream = { integrationId: "8f2c", sourceDatabase: "shop" } as const;
let lastEpoch = 0;

/** Each reading of `epoch` gives a greater one, also in a process that is started later. */
export const shopRequest = {
  name: "shop",
  stream: shopStream,
  source: "shop-server",
  get epoch(): number {
    lastEpoch = Math.max(lastEpoch + 1, Date.now());
    return lastEpoch;
  },
} as const;

/** A warehouse in a directory of its own. */
export class TestWarehouse implements AsyncDisposable {
  readonly #engine: TargetEngine;
  readonly #directory: TemporaryDirectory;
  #warehouse: Warehouse | undefined;

  private constructor(engine: TargetEngine, directory: TemporaryDirectory) {
    this.#engine = engine;
    this.#directory = directory;
  }

  static async open(engine: TargetEngine): Promise<TestWarehouse> {
    const made = new TestWarehouse(engine, await TemporaryDirectory.make());
    await made.reopen();
    return made;
  }

  get directory(): string {
    return this.#directory.path;
  }

  get warehouse(): Warehouse {
    return present(this.#warehouse, "the warehouse is open");
  }

  /** The destination database of the test's stream. */
  database(name = "shop"): Promise<DestinationDatabase> {
    return this.warehouse.database(
      { ...shopRequest, name, stream: { ...shopStream, sourceDatabase: name } },
      never,
    );
  }

  /** The names of all databases. */
  async databases(): Promise<string[]> {
    return (await this.warehouse.databases(never)).map(({ name }) => name);
  }

  rows(sql: string): Promise<(string | null)[][]> {
    return rowsOf(this.warehouse, sql);
  }

  async reopen(): Promise<void> {
    await this.closed(() => Promise.resolve());
  }

  /** Does something to the files while nobody has them open. */
  async closed(change: () => Promise<void>): Promise<void> {
    await this.#warehouse?.[Symbol.asyncDispose]();
    await change();
    this.#warehouse = await this.#engine.open({ directory: this.directory, settings: {} }, never);
  }

  /** What is found after a crash at this moment: opens a copy of the files as they are. */
  async afterCrash<T>(look: (warehouse: Warehouse) => Promise<T>): Promise<T> {
    await using copy = await TemporaryDirectory.make();
    await cp(this.directory, copy.path, { recursive: true, filter: isData });
    await using warehouse = await this.#engine.open({ directory: copy.path, settings: {} }, never);
    return await look(warehouse);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#warehouse?.[Symbol.asyncDispose]();
    await this.#directory[Symbol.asyncDispose]();
  }
}

/** Links and sockets belong to the process that has a directory open. */
async function isData(path: string): Promise<boolean> {
  const found = await lstat(path);
  return found.isFile() || found.isDirectory();
}

export async function rowsOf(warehouse: Warehouse, sql: string): Promise<(string | null)[][]> {
  const { rows } = await warehouse.query(sql, never);
  const all: (string | null)[][] = [];
  for await (const chunk of rows) all.push(...chunk.map((row) => [...row]));
  return all;
}

/** For an engine that has views. */
export function viewOf(database: DestinationDatabase): Promise<DatabaseView> {
  assert(database.view !== undefined, "the engine has views");
  return database.view();
}

type Rows = readonly (readonly Cell[])[];

interface TestRows {
  readonly deletes?: Rows;
  readonly inserts?: Rows;
  readonly patches?: readonly Patch[];
  readonly moves?: readonly Move[];
  readonly isRepeated?: boolean;
}

export function rowsStep(relation: Relation, rows: TestRows): RowsStep {
  const { deletes = [], inserts = [], patches = [], moves = [], isRepeated = false } = rows;
  const changes = deletes.length + inserts.length + patches.length;
  return {
    kind: "rows",
    relation,
    deletes: runs(relation, deletes),
    inserts: runs(relation, inserts),
    patches,
    moves,
    isRepeated,
    changes,
  };
}

/** Rows in which the cells that are not sent are `unchanged`, the same ones in each. */
export function patchOf(relation: Relation, rows: Rows): Patch {
  const kept = [...relation.columns.keys()].filter((column) => rows[0]?.[column] === unchanged);
  return { unchanged: kept, tuples: runs(relation, rows) };
}

/** `pairs`: the old key, as a row, and the new version of each row. */
export function moveOf(
  relation: Relation,
  pairs: readonly { readonly key: Rows[number]; readonly row: Rows[number] }[],
): Move {
  const patch = patchOf(
    relation,
    pairs.map(({ row }) => row),
  );
  return {
    ...patch,
    keys: runs(
      relation,
      pairs.map(({ key }) => key),
    ),
  };
}

function runs(relation: Relation, rows: Rows): TupleRun[] {
  return rows.length === 0 ? [] : [runOf(relation, rows)];
}

export function eventStep(event: TableEvent): DeltaStep {
  return { kind: "event", event };
}

/** A table's first copy, all of it. */
export function copySteps(relation: Relation, rows: Rows, position = "copy"): DeltaStep[] {
  return [
    eventStep({ kind: "copy-started", relation }),
    rowsStep(relation, { inserts: rows }),
    eventStep({ kind: "copy-finished", relation, position: asPosition(position) }),
    eventStep({ kind: "revealed", relation }),
  ];
}

let lastSequence = 0n;

/** With a position it commits, under a greater sequence than every earlier one. */
export function deltaOf(steps: readonly DeltaStep[], position?: string): Delta {
  return {
    steps,
    checkpoint:
      position === undefined
        ? undefined
        : { position: asPosition(position), sequence: ++lastSequence, committedAtMs: 1_700_000_000_000 },
    changes: steps.length,
    copiedRows: 0,
    transactions: 1,
    bytes: 0,
  };
}
