import { expect, test } from "vitest";
import { TableError } from "../../../src/model/replication/table-error.ts";
import type { TargetEngine } from "../../../src/target/target.ts";
import { impossible, plainRelation, unchanged, type Cell } from "../../support/plain-tuples.ts";
import { shown } from "../../support/target-contents.ts";
import {
  copySteps,
  deltaOf,
  moveOf,
  never,
  patchOf,
  rowsStep,
  TestWarehouse,
} from "../../support/test-warehouse.ts";
import { asShown, contents, documentKey, documents, filled, int, rejection, text } from "./samples.ts";

/** The steps of rows, as `src/model/replication/delta.ts` defines them. */
export function rowsContract(engine: TargetEngine): void {
  partialRows(engine);
  keylessTables(engine);

  test("a value that cannot be kept fails the table, and leaves everything as it was", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    await using database = await target.database();
    const inserts: Cell[][] = [
      [2, "b", 0],
      [3, "c", impossible],
    ];
    const step = rowsStep(documents, { deletes: [documentKey(1)], inserts });
    const failure = await rejection(database.apply(deltaOf([step], "2"), never));
    expect(failure).toBeInstanceOf(TableError);
    expect(failure).toMatchObject({
      code: "VALUE_OUT_OF_RANGE",
      table: { id: documents.id },
    });
    expect(database.progress().checkpoint).toBe("1");
    expect(await contents(target)).toEqual(asShown(["1", "a", "0"]));
  });

  test("any name can be a name", async () => {
    const names = [
      '"',
      "'",
      "a.b",
      "select",
      " ",
      "💾",
      "back\\slash",
      "../up",
      "x".repeat(63),
      "%",
      "new\nline",
    ];
    await using target = await TestWarehouse.open(engine);
    const made = names.map((name) => ({
      database: `d${name}`,
      relation: plainRelation({ id: name, schema: name, name, columns: { [name]: int, other: text } }),
    }));
    for (const [number, { database: name, relation }] of made.entries()) {
      await using database = await target.database(name);
      await database.apply(deltaOf(copySteps(relation, [[number, name]]), name), never);
    }
    await target.reopen();
    for (const [number, { database: name, relation }] of made.entries()) {
      expect(await shown(target.warehouse, relation.name, name)).toEqual(asShown([String(number), name]));
      await using reopened = await target.database(name);
      expect(reopened.progress().checkpoint).toBe(name);
    }
  });
}

function partialRows(engine: TargetEngine): void {
  test("columns that the source did not send keep their values, though keys change and rows trade places", async () => {
    await using target = await filled(engine, ...[1, 2, 3, 4, 5].map((id) => [id, `body ${id}`, id * 10]));
    await using database = await target.database();
    const swap = moveOf(documents, [
      { key: documentKey(1), row: [2, unchanged, 11] },
      { key: documentKey(2), row: [1, unchanged, 21] },
    ]);
    // Row 3 takes the key of row 5, which takes a new one; row 6 is new.
    const chain = moveOf(documents, [
      { key: documentKey(3), row: [5, unchanged, unchanged] },
      { key: documentKey(5), row: [7, unchanged, unchanged] },
    ]);
    const first = rowsStep(documents, {
      deletes: [1, 2, 3, 5].map(documentKey),
      inserts: [[6, "new", 60]],
      patches: [patchOf(documents, [[4, unchanged, 41]])],
      moves: [swap, chain],
    });
    const second = rowsStep(documents, { patches: [patchOf(documents, [[5, unchanged, 99]])] });
    await database.apply(deltaOf([first, second], "2"), never);
    expect(await contents(target)).toEqual(
      asShown(
        ["1", "body 2", "21"],
        ["2", "body 1", "11"],
        ["4", "body 4", "41"],
        ["5", "body 3", "99"],
        ["6", "new", "60"],
        ["7", "body 5", "50"],
      ),
    );
  });

  test("a row that is replaced has the new version alone", async () => {
    await using target = await filled(engine, [1, "a", 0], [2, "b", 0]);
    await using database = await target.database();
    const step = rowsStep(documents, { deletes: [documentKey(1)], inserts: [[1, "new", 1]] });
    await database.apply(deltaOf([step], "2"), never);
    expect(await contents(target)).toEqual(asShown(["1", "new", "1"], ["2", "b", "0"]));
  });
}

function keylessTables(engine: TargetEngine): void {
  test("without a key one row goes for each that is deleted, of rows that are equal", async () => {
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    const relation = plainRelation({ id: "1", name: "log", columns: { a: int, b: text, c: int } });
    const rows: Cell[][] = [
      [1, "x", 0],
      [1, "x", 0],
      [1, "x", 0],
      [1, "x", null],
      [1, null, null],
      [1, null, null],
      [2, "", 1],
    ];
    await database.apply(deltaOf(copySteps(relation, rows), "1"), never);
    const deletes: Cell[][] = [
      [1, "x", 0],
      [1, null, null],
      [1, "x", 0],
      [1, "x", null],
    ];
    const inserts: Cell[][] = [[2, "", 1]];
    await database.apply(deltaOf([rowsStep(relation, { deletes, inserts })], "2"), never);
    expect(await contents(target, relation)).toEqual(
      asShown(["1", "x", "0"], ["1", null, null], ["2", "", "1"], ["2", "", "1"]),
    );
  });

  test("without a key rows are found by every bit of their values", async () => {
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    const relation = plainRelation({ id: "1", name: "log", columns: { n: int, f: { kind: "float64" } } });
    const rows: Cell[][] = [0, 0, -0, NaN, NaN, Infinity].map((value) => [1, value]);
    await database.apply(deltaOf(copySteps(relation, rows), "1"), never);
    const deletes: Cell[][] = [0, NaN, 0].map((value) => [1, value]);
    await database.apply(deltaOf([rowsStep(relation, { deletes })], "2"), never);
    expect(await contents(target, relation)).toHaveLength(3);
    await database.apply(deltaOf([rowsStep(relation, { deletes: [[1, -0]] })], "3"), never);
    expect(await contents(target, relation)).toHaveLength(2);
  });
}
