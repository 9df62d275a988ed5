import { expect, test } from "vitest";
import type { TargetEngine } from "../../../src/target/target.ts";
import { plainRelation } from "../../support/plain-tuples.ts";
import {
  copySteps,
  deltaOf,
  eventStep,
  never,
  shopRequest,
  shopStream,
  TestWarehouse,
} from "../../support/test-warehouse.ts";
import { asShown, contents, copyParts, documents, filled, text } from "./samples.ts";

const anotherStream = { integrationId: "another", sourceDatabase: "shop" };
const another = () => ({ ...shopRequest, stream: anotherStream });
const dev = { name: "dev", kind: "other" };
const origin = { source: "shop-server", sourceDatabase: "shop" };
const rows = asShown(["1", "a", "0"]);

/** A table of the same id as `documents`, as another source could have it. */
const letters = plainRelation({ id: documents.id, name: "letters", columns: { l: text }, key: ["l"] });

/** Names and owners of databases. */
export function databasesContract(engine: TargetEngine): void {
  owners(engine);
  takeOvers(engine);

  test("the check of a directory that can be used finds nothing that blocks, and changes nothing", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    const findings = await engine.check({ directory: target.directory, settings: {} }, never);
    expect(findings.map(({ severity }) => severity)).not.toContain("blocks");
    expect(await contents(target)).toEqual(rows);
  });

  test("settings that were accepted once are accepted again unchanged", () => {
    const accepted = engine.settings.parse({});
    expect(engine.settings.parse(accepted)).toEqual(accepted);
  });

  test("a statement that cannot be run fails with QUERY_FAILED", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    const failure = { code: "QUERY_FAILED" };
    await expect(target.rows('SELECT * FROM "shop"."public"."missing"')).rejects.toMatchObject(failure);
    await expect(target.rows("this is no SQL")).rejects.toMatchObject(failure);
    await expect(target.rows('DELETE FROM "shop"."public"."documents"')).rejects.toMatchObject(failure);
    expect(await contents(target)).toEqual(rows);
  });
}

function owners(engine: TargetEngine): void {
  test("a warehouse begins with the database dev alone, and keeps what is made", async () => {
    await using target = await TestWarehouse.open(engine);
    expect(await target.databases()).toEqual(["dev"]);
    await (await target.database())[Symbol.asyncDispose]();
    await target.reopen();
    expect(await target.warehouse.databases(never)).toEqual([
      dev,
      { name: "shop", kind: "owned", stream: shopStream },
    ]);
  });

  test("no stream can have the database dev, nor one that another stream owns", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    expect(target.warehouse.isReserved("dev")).toBe(true);
    expect(target.warehouse.isReserved("shop")).toBe(false);
    for (const name of ["dev", "shop"])
      await expect(target.warehouse.database({ ...another(), name }, never)).rejects.toMatchObject({
        code: "DATABASE_NAME_TAKEN",
      });
    expect(await target.databases()).toEqual(["dev", "shop"]);
  });

  test("a released database keeps its rows and its name, after reopening too", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    await target.warehouse.release({ ...shopStream, integrationId: "unknown" }, never);
    expect(await target.warehouse.databases(never)).toMatchObject([dev, { kind: "owned" }]);
    await target.warehouse.release(shopStream, never);
    await target.warehouse.release(shopStream, never);
    for (let opening = 0; opening < 2; opening++) {
      expect(await contents(target)).toEqual(rows);
      expect(await target.warehouse.databases(never)).toEqual([
        dev,
        { name: "shop", kind: "orphan", origin, isVacant: false },
      ]);
      await target.reopen();
    }
  });

  test("only a database without an owner can be dropped, and its name begins empty", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    const { warehouse } = target;
    await expect(warehouse.dropDatabase("shop", never)).rejects.toMatchObject({ code: "DATABASE_IN_USE" });
    await warehouse.release(shopStream, never);
    for (const name of ["dev", "missing"])
      await expect(warehouse.dropDatabase(name, never)).rejects.toMatchObject({ code: "DATABASE_NOT_FOUND" });
    await warehouse.dropDatabase("shop", never);
    expect(await target.databases()).toEqual(["dev"]);
    await target.reopen();
    expect(await target.databases()).toEqual(["dev"]);
    await using database = await target.warehouse.database(another(), never);
    expect(database.progress()).toEqual({ checkpoint: undefined, copies: undefined, tables: [] });
    expect(await contents(target)).toBeUndefined();
    await database.apply(deltaOf(copySteps(documents, [[5, "e", 0]]), "1"), never);
    expect(await contents(target)).toEqual(asShown(["5", "e", "0"]));
  });
}

function takeOvers(engine: TargetEngine): void {
  test("a stream that takes over a database hides its copy, and what was left goes when the copy is revealed", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    await target.warehouse.release(shopStream, never);
    const copy = copyParts(letters, [["x"]]);
    for (let opening = 0; opening < 2; opening++) {
      await using database = await target.warehouse.database(another(), never);
      if (opening === 0)
        expect(database.progress()).toEqual({ checkpoint: undefined, copies: undefined, tables: [] });
      if (opening === 0) expect(await database.tables()).toEqual([]);
      await database.apply(deltaOf([copy.started, copy.rows], `${opening}`), never);
      expect(await contents(target)).toEqual(rows);
      expect(await contents(target, letters)).toBeUndefined();
      await database[Symbol.asyncDispose]();
      await target.reopen();
    }
    expect(await target.warehouse.databases(never)).toEqual([
      dev,
      { name: "shop", kind: "owned", stream: anotherStream },
    ]);
    await using database = await target.warehouse.database(another(), never);
    await database.apply(deltaOf([copy.finished, copy.revealed], "2"), never);
    expect(await contents(target, letters)).toEqual(asShown(["x"]));
    expect(await contents(target)).toBeUndefined();
  });

  test("a stream that ends before its first copy leaves what it found", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    await target.warehouse.release(shopStream, never);
    for (const integrationId of ["b", "c"]) {
      const stream = { integrationId, sourceDatabase: "shop" };
      {
        await using database = await target.warehouse.database({ ...shopRequest, stream }, never);
        expect(database.progress().tables).toEqual([]);
        await database.apply(deltaOf(copySteps(documents, [[7, "g", 0]]).slice(0, 2), "1"), never);
      }
      await target.warehouse.release(stream, never);
    }
    expect(await contents(target)).toEqual(rows);
  });

  test("a released database in which readers see nothing is vacant, and goes to the next stream of its name", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    {
      await using database = await target.database();
      // A second copy is in the making: its rows are hidden.
      const dropped = eventStep({ kind: "dropped", relation: documents });
      const copy = copyParts(documents, [[4, "d", 0]]);
      await database.apply(deltaOf([dropped, copy.started, copy.rows], "2"), never);
    }
    await target.warehouse.release(shopStream, never);
    const vacant = [dev, { name: "shop", kind: "orphan", isVacant: true }];
    expect(await target.warehouse.databases(never)).toMatchObject(vacant);
    expect(await target.afterCrash((found) => found.databases(never))).toMatchObject(vacant);
    await target.reopen();
    expect(await target.warehouse.databases(never)).toMatchObject(vacant);
    await using database = await target.warehouse.database(another(), never);
    expect(database.progress()).toEqual({ checkpoint: undefined, copies: undefined, tables: [] });
    await database.apply(deltaOf(copySteps(documents, [[5, "e", 0]]), "1"), never);
    expect(await contents(target)).toEqual(asShown(["5", "e", "0"]));
  });
}
