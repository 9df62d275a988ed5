import { expect, test } from "vitest";
import { printedSeed, randomFrom } from "../../../test/support/random.ts";
import { plainRelation, type Cell } from "../../../test/support/plain-tuples.ts";
import { Changes } from "../../../test/support/target-changes.ts";
import { expected, seen } from "../../../test/support/target-contents.ts";
import {
  copySteps,
  deltaOf,
  eventStep,
  never,
  rowsOf,
  rowsStep,
  TestWarehouse,
} from "../../../test/support/test-warehouse.ts";
import { asPosition } from "../../model/replication/position.ts";
import type { Relation } from "../../model/replication/relation.ts";
import type { DestinationDatabase, TargetEngine } from "../target.ts";
import { DuckDb } from "./instance/duck-db.ts";
import { duckdb } from "./engine.ts";
import { DuckDbWarehouse } from "./warehouse.ts";

const columns = { id: { kind: "int64" }, v: { kind: "text" } } as const;

function copyRelation(number: number): Relation {
  return plainRelation({ id: `copy${number}`, name: `copied${number}`, columns, key: ["id"] });
}

/** Some rows are large, so that copies give their tables large parts. */
const withLargeRows: TargetEngine = {
  ...duckdb,
  open: (request, signal) => {
    const rowSizes = { largeBytes: 60, groupBytes: 150, groupRows: 8, rowBytesMax: 10_000 };
    return DuckDbWarehouse.open({ ...request, start: (path) => DuckDb.open(path, { rowSizes }) }, signal);
  },
};

/** A table's copy, row by row beside the stream, and the rows that it should have. */
class Copy {
  readonly relation: Relation;
  readonly rows = new Map<number, string>();
  readonly #random: () => number;

  constructor(relation: Relation, seed: number) {
    this.relation = relation;
    this.#random = randomFrom(seed);
  }

  async run(database: DestinationDatabase, deltas: number): Promise<void> {
    for (let index = 1; index <= deltas; index += 1) {
      const commits = index === deltas || this.#random() < 0.3;
      await database.applyCopies(
        deltaOf(
          [this.#random() < 0.1 ? this.#truncated() : this.#step()],
          commits ? String(index) : undefined,
        ),
        never,
      );
    }
  }

  #truncated() {
    this.rows.clear();
    return eventStep({ kind: "truncated", relation: this.relation });
  }

  #step() {
    const deletes = [...this.rows.keys()].filter(() => this.#random() < 0.2);
    for (const id of deletes) this.rows.delete(id);
    const inserts: Cell[][] = [];
    for (let id = 0; id < 200; id += 1) {
      if (this.rows.has(id) || this.#random() < 0.5) continue;
      const value = "v".repeat(Math.floor(this.#random() ** 8 * 300));
      this.rows.set(id, value);
      inserts.push([BigInt(id), value]);
    }
    return rowsStep(this.relation, { deletes: deletes.map((id) => [BigInt(id), null]), inserts });
  }
}

test("copies beside a stream of any changes end as they should, and are not seen before, nor after a crash", async () => {
  const seed = printedSeed();
  const changes = new Changes(seed);
  await using target = await TestWarehouse.open(withLargeRows);
  await using database = await target.database();
  const copies = Array.from({ length: 3 }, (_, index) => new Copy(copyRelation(index), seed + index));
  const started = copies.map(({ relation }) => eventStep({ kind: "copy-started", relation }));
  await database.apply(deltaOf(started, "0"), never);
  const stream = async (): Promise<void> => {
    for (let batch = 0; batch < 40; batch += 1) {
      const steps = Array.from({ length: 1 + changes.below(5) }, () => changes.step());
      await database.apply(deltaOf(steps, batch % 3 === 0 ? undefined : `b${batch}`), never);
    }
    await database.apply(deltaOf([], "end"), never);
  };
  await Promise.all([stream(), ...copies.map((copy) => copy.run(database, 30))]);
  expect(await seen(target.warehouse)).toEqual(expected(changes.model));
  await target.afterCrash(async (warehouse) => {
    expect(await seen(warehouse)).toEqual(expected(changes.model));
  });
  const ended = copies.flatMap(({ relation }) => [
    eventStep({ kind: "copy-finished", relation, position: asPosition("1") }),
    eventStep({ kind: "revealed", relation }),
  ]);
  await database.apply(deltaOf(ended, "shown"), never);
  const expectShown = async (query: (sql: string) => Promise<(string | null)[][]>): Promise<void> => {
    for (const { relation, rows } of copies) {
      const { schema, table } = relation.name;
      const shown = await query(`SELECT id, v FROM shop."${schema}"."${table}" ORDER BY id`);
      const wanted = [...rows].toSorted(([a], [b]) => a - b).map(([id, value]) => [String(id), value]);
      expect(shown).toEqual(wanted);
    }
  };
  await expectShown((sql) => target.rows(sql));
  await target.afterCrash((warehouse) => expectShown((sql) => rowsOf(warehouse, sql)));
  // The stream's session writes and drops what the copies' session has made.
  const [first, second] = copies.map(({ relation }) => relation);
  if (first === undefined || second === undefined) throw new Error("there are copies");
  await database.apply(
    deltaOf(
      [
        eventStep({ kind: "dropped", relation: first }),
        rowsStep(second, { inserts: [[1000n, "w".repeat(100)]] }),
      ],
      "last",
    ),
    never,
  );
  expect(await target.rows(`SELECT v FROM shop.public.copied1 WHERE id = 1000`)).toEqual([["w".repeat(100)]]);
});

test("a copy whose values cannot be stored names its table, and leaves nothing of its transaction", async () => {
  await using target = await TestWarehouse.open(withLargeRows);
  await using database = await target.database();
  const relation = copyRelation(0);
  await database.apply(deltaOf([eventStep({ kind: "copy-started", relation })], "0"), never);
  await database.applyCopies(deltaOf([rowsStep(relation, { inserts: [[1n, "a"]] })], "1"), never);
  await database.applyCopies(deltaOf([rowsStep(relation, { inserts: [[2n, "b"]] })]), never);
  const tooLarge = rowsStep(relation, { inserts: [[3n, "c".repeat(20_000)]] });
  await expect(database.applyCopies(deltaOf([tooLarge], "2"), never)).rejects.toMatchObject({
    code: "ROW_TOO_LARGE",
    table: { id: relation.id },
  });
  const [, , finished, revealed] = copySteps(relation, []);
  if (finished === undefined || revealed === undefined) throw new Error("a copy ends with two events");
  await database.apply(deltaOf([finished, revealed], "3"), never);
  expect(await target.rows("SELECT id FROM shop.public.copied0")).toEqual([["1"]]);
});

test("a copy and a transaction with rows of which the memory holds one pass beside each other", async () => {
  const engine: TargetEngine = {
    ...duckdb,
    open: (request, signal) => DuckDbWarehouse.open({ ...request, memoryBytes: 256e6 }, signal),
  };
  await using target = await TestWarehouse.open(engine);
  await using database = await target.database();
  const [streamed, copied] = [copyRelation(0), copyRelation(1)];
  const ready = [...copySteps(streamed, []), eventStep({ kind: "copy-started", relation: copied })];
  await database.apply(deltaOf(ready, "0"), never);
  const huge = "h".repeat(90e6);
  const write = async (relation: Relation, apply: DestinationDatabase["apply"]): Promise<void> => {
    for (let id = 0n; id < 3n; id += 1n)
      await apply(deltaOf([rowsStep(relation, { inserts: [[id, huge]] })], `h${id}`), never);
  };
  await Promise.all([
    write(streamed, (...args) => database.apply(...args)),
    write(copied, (...args) => database.applyCopies(...args)),
  ]);
  const [, , finished, revealed] = copySteps(copied, []);
  if (finished === undefined || revealed === undefined) throw new Error("a copy ends with two events");
  await database.apply(deltaOf([finished, revealed], "1"), never);
  for (const table of ["copied0", "copied1"])
    expect(await target.rows(`SELECT count(*), sum(strlen(v)) FROM shop.public.${table}`)).toEqual([
      ["3", "270000000"],
    ]);
});
