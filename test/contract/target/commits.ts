import { expect, test } from "vitest";
import { asPosition } from "../../../src/model/replication/position.ts";
import type { TargetEngine } from "../../../src/target/target.ts";
import { impossible } from "../../support/plain-tuples.ts";
import { shown } from "../../support/target-contents.ts";
import {
  copySteps,
  deltaOf,
  never,
  rowsStep,
  shopRequest,
  TestWarehouse,
} from "../../support/test-warehouse.ts";
import { asShown, contents, documentKey, documents, filled } from "./samples.ts";

/** Rows, table states and checkpoint are visible and durable together. */
export function commitsContract(engine: TargetEngine): void {
  test("a new database has no checkpoint and no tables", async () => {
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    expect(database.name).toBe("shop");
    expect(database.progress()).toEqual({ checkpoint: undefined, copies: undefined, tables: [] });
    expect(await database.tables()).toEqual([]);
  });

  test("a delta with a checkpoint is visible and durable, after a crash and after reopening", async () => {
    await using target = await TestWarehouse.open(engine);
    const rows = asShown(["1", "a", "0"]);
    {
      await using database = await target.database();
      await database.apply(deltaOf(copySteps(documents, [[1, "a", 0]], "0/AA"), "0/AB"), never);
      expect(await contents(target)).toEqual(rows);
      const progress = database.progress();
      await target.afterCrash(async (warehouse) => {
        await using found = await warehouse.database(shopRequest, never);
        expect(found.progress()).toEqual(progress);
        expect(await shown(warehouse, documents.name)).toEqual(rows);
      });
    }
    await target.reopen();
    expect(await contents(target)).toEqual(rows);
    await using database = await target.database();
    expect(database.progress()).toMatchObject({
      checkpoint: "0/AB",
      tables: [{ phase: { kind: "synced", position: "0/AA" }, visible: true }],
    });
  });

  test("the definitions of tables come back as they were given", async () => {
    await using target = await TestWarehouse.open(engine);
    const relation = { ...documents, memo: '{"of": "the source"}' };
    {
      await using database = await target.database();
      await database.apply(deltaOf(copySteps(relation, []), "1"), never);
    }
    await target.reopen();
    await using database = await target.database();
    const columns = relation.columns.map(({ id, name, type, sourceType }) => ({
      id,
      name,
      type,
      sourceType,
    }));
    expect(database.progress().tables[0]?.definition).toEqual({ ...relation, columns });
  });

  test("a source transaction of several deltas is seen when the last one has a checkpoint, and undone without it", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    {
      await using database = await target.database();
      await database.apply(deltaOf([rowsStep(documents, { inserts: [[2, "b", 0]] })]), never);
      await database.apply(deltaOf([rowsStep(documents, { deletes: [documentKey(1)] })]), never);
      expect(await contents(target)).toEqual(asShown(["1", "a", "0"]));
      expect(database.progress().checkpoint).toBe("1");
      await database.apply(deltaOf([rowsStep(documents, { inserts: [[3, "c", 0]] })], "2"), never);
      expect(await contents(target)).toEqual(asShown(["2", "b", "0"], ["3", "c", "0"]));
      await database.apply(deltaOf([rowsStep(documents, { deletes: [documentKey(2)] })]), never);
    }
    await using database = await target.database();
    expect(database.progress().checkpoint).toBe("2");
    await database.apply(deltaOf([], "3"), never);
    expect(await contents(target)).toEqual(asShown(["2", "b", "0"], ["3", "c", "0"]));
  });

  test("an empty delta moves the checkpoint", async () => {
    await using target = await filled(engine);
    await using database = await target.database();
    await database.apply(deltaOf([], "2"), never);
    expect(database.progress().checkpoint).toBe("2");
    await target.afterCrash(async (warehouse) => {
      await using found = await warehouse.database(shopRequest, never);
      expect(found.progress().checkpoint).toBe("2");
    });
  });

  test("a failed apply undoes the transaction, and the next one goes on from the last checkpoint", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    await using database = await target.database();
    await database.apply(deltaOf([rowsStep(documents, { inserts: [[2, "b", 0]] })]), never);
    const bad = deltaOf([rowsStep(documents, { inserts: [[3, "c", impossible]] })], "2");
    await expect(database.apply(bad, never)).rejects.toMatchObject({ code: "VALUE_OUT_OF_RANGE" });
    expect(database.progress().checkpoint).toBe("1");
    await database.apply(deltaOf([rowsStep(documents, { inserts: [[2, "again", 0]] })], "2"), never);
    expect(await contents(target)).toEqual(asShown(["1", "a", "0"], ["2", "again", "0"]));
  });

  test("an aborted signal undoes the transaction", async () => {
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    const aborted = AbortSignal.abort(new Error("enough"));
    await expect(database.apply(deltaOf(copySteps(documents, []), "1"), aborted)).rejects.toThrow("enough");
    expect(database.progress()).toEqual({ checkpoint: undefined, copies: undefined, tables: [] });
  });

  test("databases commit independently of each other", async () => {
    await using target = await TestWarehouse.open(engine);
    await using shop = await target.database();
    await using other = await target.database("other");
    await shop.apply(deltaOf(copySteps(documents, [[1, "a", 0]])), never);
    await other.apply(deltaOf(copySteps(documents, [[2, "b", 0]]), "o"), never);
    expect(await contents(target)).toBeUndefined();
    expect(await shown(target.warehouse, documents.name, "other")).toEqual(asShown(["2", "b", "0"]));
    await shop.apply(deltaOf([], "s"), never);
    expect(await contents(target)).toEqual(asShown(["1", "a", "0"]));
    expect(other.progress().checkpoint).toBe(asPosition("o"));
  });
}
