import { expect, test } from "vitest";
import { TableError } from "../../../src/model/replication/table-error.ts";
import type { Relation } from "../../../src/model/replication/relation.ts";
import type { Progress } from "../../../src/model/replication/table-state.ts";
import type { DestinationDatabase, TargetEngine } from "../../../src/target/target.ts";
import { impossible, plainRelation, unchanged, type Cell } from "../../support/plain-tuples.ts";
import { printedSeed, randomFrom } from "../../support/random.ts";
import { Changes } from "../../support/target-changes.ts";
import { expected, seen, shown } from "../../support/target-contents.ts";
import {
  deltaOf,
  eventStep,
  moveOf,
  never,
  patchOf,
  rowsStep,
  TestWarehouse,
} from "../../support/test-warehouse.ts";
import { asShown, contents, copyParts, documentKey, documents, int, rejection, text } from "./samples.ts";

/** `applyCopies` beside `apply`. */
export function copiesContract(engine: TargetEngine): void {
  test("copied rows are durable at their checkpoint, and visible when their table is revealed", async () => {
    await using target = await TestWarehouse.open(engine);
    const { started, rows, finished, revealed } = copyParts(documents, [[1, "a", 0]]);
    {
      await using database = await target.database();
      await database.apply(deltaOf([started], "1"), never);
      await database.applyCopies(deltaOf([rows], "of the copy"), never);
      expect(await contents(target)).toBeUndefined();
      expect(database.progress().checkpoint).toBe("1");
      await database.applyCopies(deltaOf([rowsStep(documents, { inserts: [[2, "b", 0]] })]), never);
    }
    await target.reopen();
    await using database = await target.database();
    const catchUp = rowsStep(documents, { deletes: [documentKey(1)], inserts: [[3, "c", 0]] });
    await database.applyCopies(deltaOf([catchUp], "later"), never);
    await database.apply(deltaOf([finished], "2"), never);
    expect(await contents(target)).toBeUndefined();
    await database.apply(deltaOf([revealed], "3"), never);
    expect(await contents(target)).toEqual(asShown(["3", "c", "0"]));
  });

  test("a copy whose values cannot be stored names its table, and leaves nothing of its transaction", async () => {
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    const { started, finished, revealed } = copyParts(documents, []);
    const insert = (...row: Cell[]) => rowsStep(documents, { inserts: [row] });
    await database.apply(deltaOf([started], "0"), never);
    await database.applyCopies(deltaOf([insert(1, "a", 0)], "1"), never);
    await database.applyCopies(deltaOf([insert(2, "b", 0)]), never);
    const failure = await rejection(database.applyCopies(deltaOf([insert(3, "c", impossible)], "2"), never));
    expect(failure).toBeInstanceOf(TableError);
    expect(failure).toMatchObject({ code: "VALUE_OUT_OF_RANGE", table: { id: documents.id } });
    await database.apply(deltaOf([finished, revealed], "3"), never);
    expect(await contents(target)).toEqual(asShown(["1", "a", "0"]));
  });

  test("the position and the progress of copies are stored with their rows", async () => {
    await using target = await TestWarehouse.open(engine);
    const { started, rows } = copyParts(documents, [[1, "a", 0]]);
    const part = (progress: string) => eventStep({ kind: "copied-part", relation: documents, progress });
    const seen = ({ copies, tables }: Progress) => [copies, tables.map(({ phase }) => phase)];
    {
      await using database = await target.database();
      await database.apply(deltaOf([started], "1"), never);
      expect(seen(database.progress())).toEqual([undefined, [{ kind: "copying" }]]);
      await database.applyCopies(deltaOf([rows, part("half")]), never);
      await database.applyCopies(deltaOf([part("most")], "c1"), never);
      expect(seen(database.progress())).toEqual(["c1", [{ kind: "copying", progress: "most" }]]);
      await database.applyCopies(deltaOf([part("all")]), never);
    }
    await target.reopen();
    await using database = await target.database();
    expect(seen(database.progress())).toEqual(["c1", [{ kind: "copying", progress: "most" }]]);
    await database.apply(deltaOf([eventStep({ kind: "copy-resumed", relation: documents })], "2"), never);
    const more = rowsStep(documents, { inserts: [[2, "b", 0]] });
    await database.applyCopies(deltaOf([more, part("all")], "c2"), never);
    expect(seen(database.progress())).toEqual(["c2", [{ kind: "copying", progress: "all" }]]);
    const { finished, revealed } = copyParts(documents, []);
    await database.apply(deltaOf([finished, revealed], "3"), never);
    expect(await contents(target)).toEqual(asShown(["1", "a", "0"], ["2", "b", "0"]));
    await database.apply(deltaOf([started], "4"), never);
    expect(seen(database.progress())[1]).toEqual([{ kind: "copying" }]);
  });

  test("repeated changes replace rows, and those of rows that do not exist have no effect", async () => {
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    const { started, finished, revealed } = copyParts(documents, []);
    const first = rowsStep(documents, { inserts: [1, 2, 3].map((id) => [id, "a", 0]) });
    await database.apply(deltaOf([started], "1"), never);
    await database.applyCopies(deltaOf([first], "c1"), never);
    const moved = (from: number, to: number) => {
      const row: Cell[] = [to, unchanged, 5];
      return { key: documentKey(from), row };
    };
    const repeated = rowsStep(documents, {
      isRepeated: true,
      deletes: [1, 3, 4, 5, 7, 8].map((id) => documentKey(id)),
      inserts: [
        [1, "b", 1],
        [4, "c", 2],
      ],
      patches: [
        patchOf(documents, [
          [2, unchanged, 3],
          [9, unchanged, 4],
        ]),
      ],
      moves: [moveOf(documents, [moved(3, 7), moved(5, 8)])],
    });
    for (const position of ["c2", "c3"]) {
      await database.applyCopies(deltaOf([repeated], position), never);
      if (position === "c2") continue;
      await database.apply(deltaOf([finished, revealed], "2"), never);
      // Repeated once more, row 3 no longer exists, and neither does what it became.
      expect(await contents(target)).toEqual(asShown(["1", "b", "1"], ["2", "a", "3"], ["4", "c", "2"]));
    }
  });

  test("copies beside a stream of any changes end as they should, and are not seen before, nor after a crash", async () => {
    const seed = printedSeed();
    const changes = new Changes(seed);
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    const copies = [0, 1, 2].map((number) => new Copy(number, seed));
    const started = copies.map(({ relation }) => eventStep({ kind: "copy-started", relation }));
    await database.apply(deltaOf(started, "0"), never);
    await Promise.all([stream(database, changes), ...copies.map((copy) => copy.run(database))]);
    expect(await seen(target.warehouse)).toEqual(expected(changes.model));
    for (const { relation } of copies) expect(await contents(target, relation)).toBeUndefined();
    await target.afterCrash(async (warehouse) => {
      expect(await seen(warehouse)).toEqual(expected(changes.model));
    });
    const ended = copies.map(({ relation }) => copyParts(relation, []));
    const ends = ended.flatMap(({ finished, revealed }) => [finished, revealed]);
    await database.apply(deltaOf(ends, "shown"), never);
    for (const copy of copies) expect(await contents(target, copy.relation)).toEqual(copy.shown);
    await target.afterCrash(async (warehouse) => {
      for (const copy of copies) expect(await shown(warehouse, copy.relation.name)).toEqual(copy.shown);
    });
    await expectStreamGoesOn(target, database, copies);
  });
}

async function stream(database: DestinationDatabase, changes: Changes): Promise<void> {
  for (let batch = 0; batch < 40; batch += 1) {
    const steps = Array.from({ length: 1 + changes.below(5) }, () => changes.step());
    await database.apply(deltaOf(steps, batch % 3 === 0 ? undefined : `b${batch}`), never);
  }
  await database.apply(deltaOf([], "end"), never);
}

/** The stream writes and drops tables that were filled beside it. */
async function expectStreamGoesOn(
  target: TestWarehouse,
  database: DestinationDatabase,
  [first, second]: readonly Copy[],
): Promise<void> {
  if (first === undefined || second === undefined) throw new Error("there are copies");
  const steps = [
    eventStep({ kind: "dropped", relation: first.relation }),
    rowsStep(second.relation, { inserts: [[1000n, "w".repeat(100)]] }),
  ];
  await database.apply(deltaOf(steps, "last"), never);
  expect(await contents(target, first.relation)).toBeUndefined();
  second.rows.set(1000, "w".repeat(100));
  expect(await contents(target, second.relation)).toEqual(second.shown);
}

/** A table's copy, row by row beside the stream, and the rows that it should have. */
class Copy {
  readonly relation: Relation;
  readonly rows = new Map<number, string>();
  readonly #random: () => number;

  constructor(number: number, seed: number) {
    const columns = { id: int, v: text } as const;
    this.relation = plainRelation({ id: `copy${number}`, name: `copied${number}`, columns, key: ["id"] });
    this.#random = randomFrom(seed + number);
  }

  get shown(): string[] {
    return asShown(...[...this.rows].map(([id, value]) => [String(id), value]));
  }

  async run(database: DestinationDatabase): Promise<void> {
    const deltas = 30;
    for (let index = 1; index <= deltas; index += 1) {
      const commits = index === deltas || this.#random() < 0.3;
      const step = this.#random() < 0.1 ? this.#truncated() : this.#step();
      await database.applyCopies(deltaOf([step], commits ? String(index) : undefined), never);
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
