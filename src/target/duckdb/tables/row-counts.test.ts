import { expect, test, vi } from "vitest";
import { plainRelation } from "../../../../test/support/plain-tuples.ts";
import {
  copySteps,
  deltaOf,
  never,
  rowsStep,
  TestWarehouse,
} from "../../../../test/support/test-warehouse.ts";
import { duckdb } from "../engine.ts";
import { RowCounts } from "./row-counts.ts";

test("rows that were updated and deleted are not counted", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const table = plainRelation({ id: "1", columns: { id: { kind: "int64" } }, key: ["id"] });
  const ids = Array.from({ length: 10 }, (_, id) => [id]);
  await database.apply(deltaOf(copySteps(table, ids), "0"), never);
  for (let round = 1; round <= 40; round++)
    await database.apply(deltaOf([rowsStep(table, { deletes: ids, inserts: ids })], String(round)), never);
  expect(await database.tables()).toMatchObject([{ rows: 10, isEstimate: false }]);
  await database.apply(deltaOf([rowsStep(table, { deletes: [[1], [2]] })], "41"), never);
  expect(await database.tables()).toMatchObject([{ rows: 8, isEstimate: false }]);
});

test("rows of a transaction that is not committed, or undone, do not count", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const table = plainRelation({ id: "1", columns: { id: { kind: "int64" } }, key: ["id"] });
  await database.apply(deltaOf(copySteps(table, [[1]]), "0"), never);
  expect(await database.tables()).toMatchObject([{ rows: 1, isEstimate: false }]);
  await database.apply(deltaOf([rowsStep(table, { inserts: [[2]] })]), never);
  expect(await database.tables()).toMatchObject([{ rows: 1, isEstimate: false }]);
  await database.apply(deltaOf([], "1"), never);
  expect(await database.tables()).toMatchObject([{ rows: 2, isEstimate: false }]);
});

test("few tables are counted at once, small ones first, and a large one seldom; until then it is an estimate", async () => {
  vi.useFakeTimers();
  try {
    const counts = new RowCounts();
    const asked: string[][] = [];
    const count = (tables: readonly string[]) => {
      asked.push([...tables]);
      return Promise.resolve(new Map(tables.map((table) => [table, table === "large" ? 5_000_000 : 1])));
    };
    const estimates = new Map([["large", 6_000_000]]);
    for (let index = 0; index < 150; index++) estimates.set(`t${index}`, 2);
    expect((await counts.of(estimates, count)).get("large")).toEqual({ rows: 6_000_000, isEstimate: true });
    await counts.of(estimates, count);
    const third = await counts.of(estimates, count);
    expect(asked.map((tables) => tables.length)).toEqual([100, 50, 1]);
    expect(third.get("large")).toEqual({ rows: 5_000_000, isEstimate: false });
    for (const table of ["large", "t1"]) counts.note(table);
    counts.commit();
    vi.advanceTimersByTime(10);
    expect((await counts.of(estimates, count)).get("large")).toEqual({ rows: 5_000_000, isEstimate: true });
    expect(asked.at(-1)).toEqual(["t1"]);
    vi.advanceTimersByTime(5_001);
    expect((await counts.of(estimates, count)).get("large")).toEqual({ rows: 5_000_000, isEstimate: false });
  } finally {
    vi.useRealTimers();
  }
});

test("a commit while a table is counted leaves an estimate", async () => {
  const counts = new RowCounts();
  const count = () => {
    counts.note("t");
    counts.commit();
    return Promise.resolve(new Map([["t", 1]]));
  };
  expect((await counts.of(new Map([["t", 5]]), count)).get("t")).toEqual({ rows: 1, isEstimate: true });
});
