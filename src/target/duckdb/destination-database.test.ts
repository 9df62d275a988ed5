import { expect, test } from "vitest";
import { CodedError } from "../../base/errors.ts";
import type { DeltaStep } from "../../model/replication/delta.ts";
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
  shopStream,
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

test("a new database has no checkpoint; what a delta with a checkpoint did is there after opening again", async () => {
  await using target = await TestWarehouse.open(duckdb);
  {
    await using database = await target.database();
    expect(database.progress()).toEqual({ checkpoint: undefined, tables: [] });
    await database.apply(deltaOf(copySteps(documents, [[1, "a", 0]], "0/AA"), "0/AB"), never);
  }
  await target.reopen();
  await using database = await target.database();
  expect(database.progress()).toMatchObject({
    checkpoint: "0/AB",
    tables: [{ phase: { kind: "synced", position: "0/AA" }, visible: true }],
  });
  expect(await target.rows("FROM shop.public.documents")).toEqual([["1", "a", "0"]]);
});

test("a source transaction of several deltas is seen when the last one has a checkpoint, and undone without it", async () => {
  await using target = await TestWarehouse.open(duckdb);
  {
    await using database = await target.database();
    await database.apply(deltaOf(copySteps(documents, [[1, "a", 0]]), "1"), never);
    await database.apply(deltaOf([rowsStep(documents, { inserts: [[2, "b", 0]] })]), never);
    await database.apply(deltaOf([rowsStep(documents, { deletes: [[1, null, null]] })]), never);
    expect(await target.rows("SELECT id FROM shop.public.documents ORDER BY id")).toEqual([["1"]]);
    await database.apply(deltaOf([rowsStep(documents, { inserts: [[3, "c", 0]] })], "2"), never);
    expect(await target.rows("SELECT id FROM shop.public.documents ORDER BY id")).toEqual([["2"], ["3"]]);
    await database.apply(deltaOf([rowsStep(documents, { deletes: [[2, null, null]] })]), never);
  }
  await using database = await target.database();
  expect(database.progress().checkpoint).toBe("2");
  expect(await target.rows("SELECT id FROM shop.public.documents ORDER BY id")).toEqual([["2"], ["3"]]);
});

test("columns that the source did not send keep their values, though keys change and rows trade places", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const rows = [1, 2, 3, 4, 5].map((id) => [id, `body ${id}`, id * 10]);
  await database.apply(deltaOf(copySteps(documents, rows), "1"), never);
  const key = (id: number): Cell[] => [id, null, null];
  const swap = moveOf(documents, [
    { key: key(1), row: [2, unchanged, 11] },
    { key: key(2), row: [1, unchanged, 21] },
  ]);
  // Row 3 takes the key of row 5, which takes a new one; row 6 is new.
  const chain = moveOf(documents, [
    { key: key(3), row: [5, unchanged, unchanged] },
    { key: key(5), row: [7, unchanged, unchanged] },
  ]);
  const first = rowsStep(documents, {
    deletes: [1, 2, 3, 5].map(key),
    inserts: [[6, "new", 60]],
    patches: [patchOf(documents, [[4, unchanged, 41]])],
    moves: [swap, chain],
  });
  const second = rowsStep(documents, { patches: [patchOf(documents, [[5, unchanged, 99]])] });
  await database.apply(deltaOf([first, second], "2"), never);
  expect(await target.rows("FROM shop.public.documents ORDER BY id")).toEqual([
    ["1", "body 2", "21"],
    ["2", "body 1", "11"],
    ["4", "body 4", "41"],
    ["5", "body 3", "99"],
    ["6", "new", "60"],
    ["7", "body 5", "50"],
  ]);
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

test("a table that was never copied can be recorded as failed", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  await database.failTable(documents, { code: "TABLE_WITHOUT_KEY", message: "It has no key." });
  expect(database.progress().tables).toMatchObject([{ phase: { kind: "failed" }, visible: false }]);
  expect(await database.tables()).toMatchObject([{ rows: 0 }]);
});

test("tables revealed in one delta are seen together, and old copies until then", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const a = plainRelation({ id: "a", columns: { id: int }, key: ["id"] });
  const b = plainRelation({ id: "b", columns: { id: int }, key: ["id"] });
  await database.apply(deltaOf([...copySteps(a, [[1]]), ...copySteps(b, [[1]])], "1"), never);
  const again = (relation: Relation): DeltaStep[] => copySteps(relation, [[2], [3]]).slice(0, 3);
  await database.apply(deltaOf([...again(a), ...again(b)], "2"), never);
  const seen = () =>
    target.rows("SELECT (SELECT sum(id) FROM shop.public.a), (SELECT sum(id) FROM shop.public.b)");
  expect(await seen()).toEqual([["1", "1"]]);
  await database.apply(deltaOf([eventStep({ kind: "revealed", relation: a })]), never);
  expect(await seen()).toEqual([["1", "1"]]);
  await database.apply(deltaOf([eventStep({ kind: "revealed", relation: b })], "3"), never);
  expect(await seen()).toEqual([["5", "5"]]);
  expect(await database.tables()).toMatchObject([{ rows: 2 }, { rows: 2 }]);
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

test("opening a database fences its previous writer, even within a transaction", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using first = await target.database();
  await first.apply(deltaOf(copySteps(documents, [[1, "a", 0]]), "1"), never);
  await first.apply(deltaOf([rowsStep(documents, { inserts: [[2, "b", 0]] })]), never);
  await using second = await target.database();
  const late = first.apply(deltaOf([rowsStep(documents, { inserts: [[3, "c", 0]] })], "2"), never);
  await expect(late).rejects.toMatchObject({ code: "TARGET_FENCED" });
  await expect(first.apply(deltaOf([], "3"), never)).rejects.toMatchObject({ code: "TARGET_FENCED" });
  await expect(first.failTable(documents, { code: "X", message: "x" })).rejects.toThrow(CodedError);
  await second.apply(deltaOf([rowsStep(documents, { inserts: [[4, "d", 0]] })], "2"), never);
  expect(await target.rows("SELECT id FROM shop.public.documents ORDER BY id")).toEqual([["1"], ["4"]]);
});

test("views stay as they are while the stream goes on, each with its own checkpoint", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  await database.apply(deltaOf(copySteps(documents, [[1, "a", 0]]), "1"), never);
  await using early = await viewOf(database);
  await database.apply(
    deltaOf([rowsStep(documents, { deletes: [[1, null, null]], inserts: [[2, "b", 0]] })], "2"),
    never,
  );
  await using late = await viewOf(database);
  await database.apply(
    deltaOf([...copySteps(documents, []), eventStep({ kind: "dropped", relation: documents })], "3"),
    never,
  );
  const digests = [await early.digest(documents, never), await late.digest(documents, never)];
  expect([early.checkpoint, late.checkpoint]).toEqual(["1", "2"]);
  expect(digests.map(({ rows }) => rows)).toEqual([1, 1]);
  expect(digests[0]).not.toEqual(digests[1]);
  await using empty = await viewOf(database);
  await expect(empty.digest(documents, never)).rejects.toMatchObject({ code: "TABLE_MISSING" });
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

test("an aborted signal stops before the next step and undoes the transaction", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const aborted = AbortSignal.abort(new Error("enough"));
  await expect(database.apply(deltaOf(copySteps(documents, []), "1"), aborted)).rejects.toThrow("enough");
  expect(database.progress()).toEqual({ checkpoint: undefined, tables: [] });
  expect(database.name).toBe(shopStream.sourceDatabase);
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
