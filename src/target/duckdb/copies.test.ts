import { expect, test } from "vitest";
import { plainRelation } from "../../../test/support/plain-tuples.ts";
import {
  copySteps,
  deltaOf,
  eventStep,
  never,
  rowsStep,
  TestWarehouse,
} from "../../../test/support/test-warehouse.ts";
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
