import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { present } from "../../../src/base/assert.ts";
import type { Relation } from "../../../src/model/replication/relation.ts";
import type { DestinationDatabase, TargetEngine } from "../../../src/target/target.ts";
import { digestOfRows } from "../../support/digest-of-rows.ts";
import { plainRelation } from "../../support/plain-tuples.ts";
import {
  copySteps,
  deltaOf,
  eventStep,
  never,
  rowsStep,
  TestWarehouse,
} from "../../support/test-warehouse.ts";
import { documentKey, documents, filled, int } from "./samples.ts";

/** Views, for an engine that has them. */
export function viewsContract(engine: TargetEngine): void {
  test("views stay as they are while the stream goes on, each with its own checkpoint", async (context) => {
    await using target = await filled(engine, [1, "a", 0]);
    await using database = await target.database();
    if (database.view === undefined) return context.skip("the engine has no views");
    await using early = await database.view();
    const step = rowsStep(documents, { deletes: [documentKey(1)], inserts: [[2, "b", 0]] });
    await database.apply(deltaOf([step], "2"), never);
    await using late = await database.view();
    const gone = eventStep({ kind: "dropped", relation: documents });
    await database.apply(deltaOf([...copySteps(documents, []), gone], "3"), never);
    expect([early.checkpoint, late.checkpoint]).toEqual(["1", "2"]);
    expect(await early.digest(documents, never)).toEqual(digestOfRows(documents, [[1, "a", 0]]));
    expect(await late.digest(documents, never)).toEqual(digestOfRows(documents, [[2, "b", 0]]));
    await using empty = await database.view();
    await expect(empty.digest(documents, never)).rejects.toMatchObject({ code: "TABLE_MISSING" });
  });

  test("a view does not contain what has not been committed", async (context) => {
    await using target = await filled(engine, [1, "a", 0]);
    await using database = await target.database();
    if (database.view === undefined) return context.skip("the engine has no views");
    await database.apply(deltaOf([rowsStep(documents, { inserts: [[2, "b", 0]] })]), never);
    await using view = await database.view();
    expect(view.checkpoint).toBe("1");
    expect(await view.digest(documents, never)).toEqual(digestOfRows(documents, [[1, "a", 0]]));
  });

  // With the atomicity `table`, a view may fall between the commits of two tables.
  test.runIf(engine.atomicity === "database")(
    "a view taken at any moment has all tables as of its checkpoint",
    async (context) => {
      await using target = await TestWarehouse.open(engine);
      await using database = await target.database();
      if (database.view === undefined) return context.skip("the engine has no views");
      const columns = { id: int, turn: int } as const;
      const tables = ["left", "right"].map((id) => plainRelation({ id, columns, key: ["id"] }));
      await database.apply(
        deltaOf(
          tables.flatMap((table) => copySteps(table, [[1, 0]])),
          "0",
        ),
        never,
      );
      let done = false;
      const write = async (): Promise<void> => {
        for (let turn = 1; turn <= 30; turn += 1) await applyTurn(database, tables, turn);
        done = true;
      };
      const read = async (): Promise<void> => {
        while (!done) {
          await expectOneTurn(database, tables);
          await setImmediate();
        }
      };
      await Promise.all([write(), read()]);
      await expectOneTurn(database, tables);
    },
  );
}

/** A transaction in two deltas, one for each table. */
async function applyTurn(
  database: DestinationDatabase,
  tables: readonly Relation[],
  turn: number,
): Promise<void> {
  for (const [index, table] of tables.entries()) {
    const step = rowsStep(table, { deletes: [[1, null]], inserts: [[1, turn]] });
    await database.apply(deltaOf([step], index === tables.length - 1 ? String(turn) : undefined), never);
  }
}

async function expectOneTurn(database: DestinationDatabase, tables: readonly Relation[]): Promise<void> {
  await using view = await present(database.view, "the engine has views").call(database);
  const turn = Number(view.checkpoint);
  for (const table of tables)
    expect(await view.digest(table, never)).toEqual(digestOfRows(table, [[1, turn]]));
}
