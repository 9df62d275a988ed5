import { expect, test } from "vitest";
import { plainRelation } from "../../../test/support/plain-tuples.ts";
import { TemporaryDirectory } from "../../../test/support/temporary.ts";
import {
  copySteps,
  deltaOf,
  never,
  rowsOf,
  rowsStep,
  shopRequest,
  shopStream,
} from "../../../test/support/test-warehouse.ts";
import { DuckDb } from "./instance/duck-db.ts";
import { DuckDbWarehouse } from "./warehouse.ts";

const fatal = new Error(
  JSON.stringify({ exception_type: "FATAL", exception_message: "The database must be restarted." }),
);

/** A DuckDB that fails as it does after an error of its own, while `broken.now`; `attach` of the file `bad` breaks it. */
function fragile(duck: DuckDb, broken: { now: boolean }): DuckDb {
  const failing = new Set(["session", "writerSession", "ownership", "attach", "detach", "checkpoint"]);
  return new Proxy(duck, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...values: unknown[]): unknown => {
        if (name === "attach" && values[0] === "bad.duckdb") broken.now = true;
        if (broken.now && failing.has(String(name))) return Promise.reject(fatal);
        return Reflect.apply(value, target, values) as unknown;
      };
    },
  });
}

const table = plainRelation({ id: "1", name: "t", columns: { id: { kind: "int64" } }, key: ["id"] });

test("after an error of DuckDB's own it is started again when the stream opens its database again", async () => {
  await using directory = await TemporaryDirectory.make();
  const broken = { now: false };
  let starts = 0;
  const start = async (path: string): Promise<DuckDb> => {
    starts += 1;
    broken.now = false;
    return fragile(await DuckDb.open(path), broken);
  };
  await using warehouse = await DuckDbWarehouse.open({ directory: directory.path, start }, never);
  const before = await warehouse.database(shopRequest, never);
  await before.apply(deltaOf(copySteps(table, [[1]]), "1"), never);
  await before.apply(deltaOf([rowsStep(table, { inserts: [[2]] })]), never);
  broken.now = true;
  await expect(warehouse.query("SELECT 1", never)).rejects.toThrow();
  await using after = await warehouse.database(shopRequest, never);
  expect(starts).toBe(2);
  expect(after.progress().checkpoint).toBe("1");
  await expect(before.apply(deltaOf([], "2"), never)).rejects.toMatchObject({ code: "TARGET_FAILED" });
  await after.apply(deltaOf([rowsStep(table, { inserts: [[3]] })], "2"), never);
  expect(await rowsOf(warehouse, "FROM shop.public.t ORDER BY id")).toEqual([["1"], ["3"]]);
});

test("a file that brings DuckDB down at the start is left out, and the others are served", async () => {
  await using directory = await TemporaryDirectory.make();
  {
    await using warehouse = await DuckDbWarehouse.open({ directory: directory.path }, never);
    for (const name of ["shop", "bad"]) {
      const stream = { ...shopStream, sourceDatabase: name };
      await using database = await warehouse.database({ ...shopRequest, name, stream }, never);
      await database.apply(deltaOf(copySteps(table, [[1]]), "1"), never);
    }
  }
  let starts = 0;
  const start = async (path: string): Promise<DuckDb> => {
    starts += 1;
    return fragile(await DuckDb.open(path), { now: false });
  };
  await using warehouse = await DuckDbWarehouse.open({ directory: directory.path, start }, never);
  expect(starts).toBe(2);
  expect(await rowsOf(warehouse, "FROM shop.public.t")).toEqual([["1"]]);
  const bad = { ...shopRequest, name: "bad", stream: { ...shopStream, sourceDatabase: "bad" } };
  await expect(warehouse.database(bad, never)).rejects.toMatchObject({ code: "TARGET_FAILED" });
});
