import { expect, test } from "vitest";
import type { Relation } from "../../model/replication/relation.ts";
import { TableError } from "../../model/replication/table-error.ts";
import { digestOfRows } from "../../../test/support/digest-of-rows.ts";
import {
  encoded,
  impossible,
  plainColumn,
  plainRelation,
  unchanged,
  type Cell,
} from "../../../test/support/plain-tuples.ts";
import {
  copySteps,
  deltaOf,
  eventStep,
  moveOf,
  never,
  patchOf,
  rowsStep,
  TestWarehouse,
  viewOf,
} from "../../../test/support/test-warehouse.ts";
import { duckdb } from "./engine.ts";

const int = { kind: "int64" } as const;
const text = { kind: "text" } as const;
const documents = plainRelation({
  id: "1",
  name: "documents",
  columns: { id: int, body: text, views: int },
  key: ["id"],
});

test("a changed row that the warehouse does not hold fails its table and changes nothing", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  await database.apply(deltaOf(copySteps(documents, [[1, "a", 0]]), "1"), never);
  const patches = [patchOf(documents, [[7, unchanged, 1]])];
  const moves = [moveOf(documents, [{ key: [7, null, null], row: [8, unchanged, 1] }])];
  for (const step of [rowsStep(documents, { patches }), rowsStep(documents, { moves })])
    await expect(database.apply(deltaOf([step], "2"), never)).rejects.toThrow(TableError);
  expect(database.progress().checkpoint).toBe("1");
});

test("without a key one row goes for each that is deleted, of rows that are equal in every bit", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const columns = { a: int, b: text, rowid: { kind: "float64" } } as const;
  const relation = plainRelation({ id: "1", name: "log", columns });
  const rows: Cell[][] = [
    [1, "x", 0],
    [1, "x", 0],
    [1, "x", -0],
    [1, null, null],
    [1, null, null],
    [1, null, NaN],
    [2, "", 1],
  ];
  await database.apply(deltaOf(copySteps(relation, rows), "1"), never);
  const deletes: Cell[][] = [
    [1, "x", 0],
    [1, null, null],
    [1, null, NaN],
    [1, "x", 0],
  ];
  await database.apply(deltaOf([rowsStep(relation, { deletes })], "2"), never);
  // DuckDB's sorting makes 0 of −0.
  const left = await target.rows("FROM shop.public.log");
  expect(left.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))).toEqual([
    ["1", "x", "-0.0"],
    ["1", null, null],
    ["2", "", "1.0"],
  ]);
});

test("a table has as many columns as PostgreSQL allows, with a key and without", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const kinds = [int, text, { kind: "float64" }] as const;
  const columns = Object.fromEntries(
    Array.from({ length: 1600 }, (_, index) => [`n${index}`, kinds[index % 3] ?? int]),
  );
  const row = (first: number): Cell[] =>
    Array.from({ length: 1600 }, (_, index) => [first + index, `x${index}`, 1e30][index % 3] ?? null);
  const keyed = plainRelation({ id: "1", name: "keyed", columns, key: ["n0"] });
  const keyless = plainRelation({ id: "2", name: "keyless", columns });
  for (const relation of [keyed, keyless]) {
    await database.apply(deltaOf(copySteps(relation, [row(1), row(2)]), `${relation.id}0`), never);
    const changed = { deletes: [row(1)], inserts: [row(3)] };
    await database.apply(deltaOf([rowsStep(relation, changed)], `${relation.id}1`), never);
    await using view = await viewOf(database);
    expect(await view.digest(relation, never)).toEqual(digestOfRows(relation, [row(2), row(3)]));
  }
});

test("a value that cannot be kept fails the table by column, and leaves everything as it was", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  await database.apply(deltaOf(copySteps(documents, [[1, "a", 0]]), "1"), never);
  const steps = [
    rowsStep(documents, {
      deletes: [[1, null, null]],
      inserts: [
        [2, "b", 0],
        [3, "c", impossible],
      ],
    }),
  ];
  const failure: unknown = await database.apply(deltaOf(steps, "2"), never).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(TableError);
  expect(failure).toMatchObject({
    code: "VALUE_OUT_OF_RANGE",
    table: { id: "1" },
    message: 'Column "views": a value is impossible',
  });
  expect(database.progress().checkpoint).toBe("1");
  expect(await target.rows("FROM shop.public.documents")).toEqual([["1", "a", "0"]]);
  await database.failTable(documents, { code: "VALUE_OUT_OF_RANGE", message: "It is impossible." });
  expect(database.progress()).toMatchObject({
    checkpoint: "1",
    tables: [{ phase: { kind: "failed", reason: { message: "It is impossible." } }, visible: true }],
  });
  expect(await target.rows("FROM shop.public.documents")).toEqual([["1", "a", "0"]]);
});

test("a fill that the type cannot hold fails the table", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  await database.apply(deltaOf(copySteps(documents, [[1, "a", 0]]), "1"), never);
  const column = plainColumn(9, "added", int);
  const relation = { ...documents, columns: [...documents.columns, column] };
  const altered = eventStep({
    kind: "altered",
    relation,
    changes: [{ kind: "added", column, fill: encoded(int, impossible) }],
  });
  const failure: unknown = await database
    .apply(deltaOf([altered], "2"), never)
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(TableError);
  expect(failure).toMatchObject({
    code: "VALUE_OUT_OF_RANGE",
    message: 'Column "added": a value is impossible',
  });
});

const twins: readonly (readonly [string, Relation])[] = [
  [
    "another table's name in other letters",
    plainRelation({ id: "2", name: "Documents", columns: { id: int } }),
  ],
  [
    "columns that differ in upper and lower case",
    plainRelation({ id: "2", name: "t", columns: { id: int, ID: int } }),
  ],
  ["no columns", plainRelation({ id: "2", name: "t", columns: {} })],
  [
    "the schema of the ledger",
    plainRelation({ id: "2", schema: "_ZeroETL", name: "t", columns: { id: int } }),
  ],
];

test.each(twins)("a table with %s is refused alone", async (_, relation) => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  await database.apply(deltaOf(copySteps(documents, [[1, "a", 0]]), "1"), never);
  const failure: unknown = await database
    .apply(deltaOf(copySteps(relation, []), "2"), never)
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "TABLE_UNSUPPORTED", table: { id: "2" } });
  await database.apply(deltaOf([rowsStep(documents, { inserts: [[2, "b", 0]] })], "2"), never);
  expect(await target.rows("SELECT count(*) FROM shop.public.documents")).toEqual([["2"]]);
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
    "x".repeat(63),
    "%",
    "new\nline",
    "rowid",
    "c1",
    "main",
  ];
  await using target = await TestWarehouse.open(duckdb);
  for (const [number, name] of names.entries()) {
    const database = await target.database(`d${name}`);
    const relation = plainRelation({ id: name, schema: name, name, columns: { [name]: int, other: text } });
    await database.apply(deltaOf(copySteps(relation, [[number, name]]), name), never);
    await database[Symbol.asyncDispose]();
  }
  await target.reopen();
  for (const [number, name] of names.entries()) {
    const quoted = `"${name.replaceAll('"', '""')}"`;
    const database = `"${`d${name}`.replaceAll('"', '""')}"`;
    expect(await target.rows(`SELECT ${quoted}, other FROM ${database}.${quoted}.${quoted}`)).toEqual([
      [String(number), name],
    ]);
    await using reopened = await target.database(`d${name}`);
    expect(reopened.progress().checkpoint).toBe(name);
  }
});

test("a reader who asks again and again sees two tables before or after a transaction, never between", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const columns = { id: int, amount: int } as const;
  const [left, right] = ["left", "right"].map((id) => plainRelation({ id, columns, key: ["id"] }));
  if (left === undefined || right === undefined) throw new Error("there are two tables");
  const rows = Array.from({ length: 50 }, (_, id) => [id, 100]);
  await database.apply(deltaOf([...copySteps(left, rows), ...copySteps(right, rows)], "0"), never);
  let done = false;
  const write = async (): Promise<void> => {
    for (let turn = 1; turn <= 60; turn++) {
      const [from, to] = turn % 2 === 0 ? [left, right] : [right, left];
      const step = (relation: Relation, amount: number) =>
        rowsStep(relation, {
          deletes: rows.map(([id = 0]) => [id, null]),
          inserts: rows.map(([id = 0]) => [id, amount]),
        });
      await database.apply(deltaOf([step(from, 100 - turn)]), never);
      await database.apply(deltaOf([step(to, 100 + turn)], String(turn)), never);
    }
    done = true;
  };
  const read = async (): Promise<number> => {
    let reads = 0;
    for (; !done; reads++)
      expect(
        await target.rows("SELECT sum(amount) FROM (FROM shop.public.left UNION ALL FROM shop.public.right)"),
      ).toEqual([["10000"]]);
    return reads;
  };
  const [, reads] = await Promise.all([write(), read()]);
  expect(reads).toBeGreaterThan(10);
});

test("comparing a table is stopped by its signal", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const wide = plainRelation({ id: "1", name: "t", columns: { id: int, body: text } });
  const rows = Array.from({ length: 20_000 }, (_, id) => [id, "x".repeat(200)]);
  await database.apply(deltaOf(copySteps(wide, rows), "1"), never);
  await using view = await viewOf(database);
  const controller = new AbortController();
  const digest = view.digest(wide, controller.signal);
  controller.abort(new Error("enough"));
  await expect(digest).rejects.toThrow("enough");
  await using another = await viewOf(database);
  expect(await another.digest(wide, never)).toMatchObject({ rows: 20_000 });
});

test("the tables are counted again only after a commit that changed something", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  await database.apply(deltaOf(copySteps(documents, [[1, "a", 0]]), "1"), never);
  const first = await database.tables();
  expect(first).toMatchObject([{ rows: 1, record: { phase: { kind: "synced" } } }]);
  await database.apply(deltaOf([], "2"), never);
  expect(await database.tables()).toBe(first);
  await database.apply(deltaOf([rowsStep(documents, { inserts: [[2, "b", 0]] })]), never);
  expect(await database.tables()).toBe(first);
  await database.apply(deltaOf([], "3"), never);
  expect(await database.tables()).toMatchObject([{ rows: 2 }]);
  await database.failTable(documents, { code: "TABLE_UNSUPPORTED", message: "no" });
  expect(await database.tables()).toMatchObject([{ record: { phase: { kind: "failed" } } }]);
});
