import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestOfRows } from "../../../test/support/digest-of-rows.ts";
import { plainRelation, type Cell } from "../../../test/support/plain-tuples.ts";
import {
  copySteps,
  deltaOf,
  eventStep,
  never,
  rowsStep,
  TestWarehouse,
  viewOf,
} from "../../../test/support/test-warehouse.ts";
import { duckdb } from "./engine.ts";

const columns = { n: { kind: "int32" }, v: { kind: "float64" } } as const;
const relation = plainRelation({ id: "1", name: "t", columns, key: ["n"] });

function viewText(target: TestWarehouse): Promise<(string | null)[][]> {
  return target.rows("SELECT sql LIKE '%CASE%' FROM duckdb_views() WHERE view_name = 't'");
}

test("readers pay for the signs of zeros only in a table that has -0", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  await database.apply(deltaOf(copySteps(relation, [[1, 0]]), "1"), never);
  expect(await viewText(target)).toEqual([["false"]]);
  await database.apply(deltaOf([rowsStep(relation, { inserts: [[2, -0]] })]), never);
  await database.apply(deltaOf([], "2"), never);
  expect(await viewText(target)).toEqual([["true"]]);
});

test("a table whose -0 is gone when its view is replaced can have -0 again", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  await database.apply(deltaOf(copySteps(relation, [[1, -0]]), "1"), never);
  const renamed = { ...relation, name: { schema: "public", table: "u" } };
  const gone = rowsStep(relation, { deletes: [[1, null]] });
  const altered = eventStep({ kind: "altered", relation: renamed, changes: [] });
  await database.apply(deltaOf([gone, altered], "2"), never);
  await database.apply(deltaOf([rowsStep(renamed, { inserts: [[2, -0]] })], "3"), never);
  expect(await target.rows("FROM shop.public.u")).toEqual([["2", "-0.0"]]);
});

test("a table of a version that lost the signs of zeros has those of rows that are written later", async () => {
  await using target = await TestWarehouse.open(duckdb);
  {
    await using database = await target.database();
    await database.apply(deltaOf(copySteps(relation, [[1, 0]]), "1"), never);
  }
  await target.closed(async () => {
    const instance = await DuckDBInstance.create(join(target.directory, "shop.duckdb"));
    const connection = await instance.connect();
    const [[table] = []] = (
      await connection.runAndReadAll("SELECT table_name FROM duckdb_columns() WHERE column_name = 'minus'")
    ).getRows();
    await connection.run(`ALTER TABLE _zeroetl."${String(table)}" DROP COLUMN minus`);
    await connection.run(`INSERT INTO _zeroetl."${String(table)}" VALUES (2, 1), (3, '-0')`);
    connection.closeSync();
    instance.closeSync();
  });
  {
    await using database = await target.database();
    await database.apply(deltaOf([rowsStep(relation, { inserts: [[4, -0]] })], "2"), never);
  }
  await target.reopen();
  await using database = await target.database();
  await using view = await viewOf(database);
  const rows: Cell[][] = [
    [1, 0],
    [2, 1],
    [3, -0],
    [4, -0],
  ];
  expect(await view.digest(relation, never)).toEqual(digestOfRows(relation, rows));
});
