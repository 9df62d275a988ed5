import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { plainRelation } from "../../../test/support/plain-tuples.ts";
import { TemporaryDirectory } from "../../../test/support/temporary.ts";
import {
  copySteps,
  deltaOf,
  never,
  rowsOf,
  shopRequest,
  shopStream,
  TestWarehouse,
} from "../../../test/support/test-warehouse.ts";
import { until } from "../../../test/support/until.ts";
import { duckdb } from "./engine.ts";

const numbers = plainRelation({ id: "1", name: "numbers", columns: { n: { kind: "int64" } }, key: ["n"] });

async function filled(): Promise<TestWarehouse> {
  const target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  await database.apply(deltaOf(copySteps(numbers, [[1], [2], [3]]), "1"), never);
  return target;
}

test.each(["dev", "Shop", "shop", "system", "temp", "memory", "main", "pg_catalog", "DEV"])(
  "another stream cannot have the database %s",
  async (name) => {
    await using target = await filled();
    const stream = { integrationId: "another", sourceDatabase: "shop" };
    await expect(target.warehouse.database({ ...shopRequest, name, stream }, never)).rejects.toMatchObject({
      code: "DATABASE_NAME_TAKEN",
    });
    expect(await target.databases()).toEqual(["dev", "shop"]);
  },
);

const anotherStream = { integrationId: "another", sourceDatabase: "shop" };
const another = () => ({ ...shopRequest, stream: anotherStream });
const copies = "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'rows_%'";

/** The rows of another table of the same id, as another source could have it. */
const letters = plainRelation({ id: "1", name: "letters", columns: { l: { kind: "text" } }, key: ["l"] });

test("a stream that takes over a database hides its copy, and what was left goes when the copy is revealed", async () => {
  await using target = await filled();
  await target.warehouse.release(shopStream, never);
  for (const name of ["shop", "SHOP"]) {
    await using database = await target.warehouse.database({ ...another(), name }, never);
    expect(database.progress()).toEqual({ checkpoint: undefined, copies: undefined, tables: [] });
    expect(await database.tables()).toEqual([]);
  }
  expect(await target.warehouse.databases(never)).toEqual([
    { name: "dev", kind: "other" },
    { name: "shop", kind: "owned", stream: anotherStream },
  ]);
  const [started, ...rest] = copySteps(letters, [["a"]]);
  for (let opening = 0; opening < 2; opening++) {
    await using database = await target.warehouse.database(another(), never);
    await database.apply(deltaOf(started === undefined ? [] : [started], `${opening}`), never);
    expect(await target.rows("SELECT sum(n) FROM shop.public.numbers")).toEqual([["6"]]);
    await expect(target.rows("FROM shop.public.letters")).rejects.toThrow("letters");
    expect(await noticesOf(target, "FROM shop.public.numbers")).toMatch(/"shop" is being copied/);
    if (opening === 1) await database.apply(deltaOf(rest, "2"), never);
    else await target.reopen();
  }
  for (let opening = 0; opening < 2; opening++) {
    expect(await target.rows("FROM shop.public.letters")).toEqual([["a"]]);
    await expect(target.rows("FROM shop.public.numbers")).rejects.toThrow("numbers");
    expect(await target.rows(copies)).toEqual([["1"]]);
    expect(await noticesOf(target, "FROM shop.public.letters")).toBe("");
    await target.reopen();
  }
});

test("a stream that ends before its first copy leaves what it found", async () => {
  await using target = await filled();
  for (const integrationId of ["b", "c"]) {
    const stream = { integrationId, sourceDatabase: "shop" };
    await target.warehouse.release(
      integrationId === "b" ? shopStream : { ...stream, integrationId: "b" },
      never,
    );
    await using database = await target.warehouse.database({ ...shopRequest, stream }, never);
    await database.apply(deltaOf(copySteps(numbers, [[7]]).slice(0, 2), "1"), never);
  }
  await target.warehouse.release({ integrationId: "c", sourceDatabase: "shop" }, never);
  expect(await target.rows("SELECT sum(n) FROM shop.public.numbers")).toEqual([["6"]]);
  expect(await target.rows(copies)).toEqual([["1"]]);
});

test("a database that was opened under small epochs goes on under those of the catalog", async () => {
  await using target = await TestWarehouse.open(duckdb);
  for (const epoch of [1, 2, Date.now()]) {
    await using database = await target.warehouse.database({ ...shopRequest, epoch }, never);
    await database.apply(deltaOf(copySteps(numbers, [[epoch]]), String(epoch)), never);
    expect(await target.rows("FROM shop.public.numbers")).toEqual([[String(epoch)]]);
    await database[Symbol.asyncDispose]();
    await target.reopen();
  }
  expect(await target.rows(copies)).toEqual([["1"]]);
});

test("a database without an owner can be dropped, and its name begins empty", async () => {
  await using target = await filled();
  await expect(target.warehouse.dropDatabase("shop", never)).rejects.toMatchObject({
    code: "DATABASE_IN_USE",
  });
  await target.warehouse.release(shopStream, never);
  for (const name of ["dev", "missing"])
    await expect(target.warehouse.dropDatabase(name, never)).rejects.toMatchObject({
      code: "DATABASE_NOT_FOUND",
    });
  await target.warehouse.dropDatabase("Shop", never);
  expect(await target.databases()).toEqual(["dev"]);
  expect((await readdir(target.directory)).filter((file) => file.startsWith("shop"))).toEqual([]);
  await target.reopen();
  await using database = await target.warehouse.database(another(), never);
  await expect(target.rows("FROM shop.public.numbers")).rejects.toThrow("numbers");
  await database.apply(deltaOf(copySteps(numbers, [[5]]), "1"), never);
  expect(await target.rows("FROM shop.public.numbers")).toEqual([["5"]]);
});

test("a query of a database without an owner says so, however it names the database", async () => {
  await using target = await filled();
  await using other = await target.database("other");
  await other.apply(deltaOf(copySteps(numbers, [[9]]), "1"), never);
  expect(await noticesOf(target, "FROM shop.public.numbers")).toBe("");
  await target.warehouse.release(shopStream, never);
  const frozen = 'Database "shop" is not replicated any more: the integration that filled it was deleted.';
  for (const sql of [
    "FROM shop.public.numbers",
    "SELECT (SELECT max(n) FROM SHOP.public.numbers); -- one",
    "WITH x AS (FROM shop.public.numbers) SELECT * FROM other.public.numbers, x",
    "SUMMARIZE shop.public.numbers",
  ])
    expect(await noticesOf(target, sql)).toBe(frozen);
  for (const sql of ["FROM other.public.numbers", "SELECT 'shop.public.numbers'", "EXPLAIN SELECT 1"])
    expect(await noticesOf(target, sql)).toBe("");
  await other[Symbol.asyncDispose]();
  await target.warehouse.release({ ...shopStream, sourceDatabase: "other" }, never);
  await target.warehouse.dropDatabase("other", never);
  expect(await noticesOf(target, "FROM numbers")).toBe(frozen);
});

async function noticesOf(target: TestWarehouse, sql: string): Promise<string> {
  const { notices, rows } = await target.warehouse.query(sql, never);
  await rows[Symbol.asyncIterator]().return?.();
  return notices.join("\n");
}

test("a database in which nothing is to be seen, once given up, is another stream's if it wants the name", async () => {
  await using target = await filled();
  const again = { integrationId: "another", sourceDatabase: "shop" };
  const dropped = deltaOf([{ kind: "event", event: { kind: "dropped", relation: numbers } }], "2");
  {
    await using database = await target.database();
    // A second copy is in the making: its rows are hidden.
    await database.apply(deltaOf([...dropped.steps, ...copySteps(numbers, [[4]]).slice(0, 2)], "2"), never);
  }
  await target.warehouse.release(shopStream, never);
  const vacant = [{ name: "dev" }, { name: "shop", kind: "orphan", isVacant: true }];
  expect(await target.warehouse.databases(never)).toMatchObject(vacant);
  expect(await target.afterCrash((found) => found.databases(never))).toMatchObject(vacant);
  await target.reopen();
  expect(await target.warehouse.databases(never)).toMatchObject(vacant);
  {
    await using database = await target.warehouse.database({ ...shopRequest, stream: again }, never);
    expect(database.progress()).toEqual({ checkpoint: undefined, copies: undefined, tables: [] });
    await database.apply(deltaOf(copySteps(numbers, [[5]]), "1"), never);
  }
  for (let opening = 0; opening < 2; opening++) {
    expect(await target.warehouse.databases(never)).toEqual([
      { name: "dev", kind: "other" },
      { name: "shop", kind: "owned", stream: again },
    ]);
    expect(await target.rows("SELECT n FROM shop.public.numbers")).toEqual([["5"]]);
    expect(await target.rows("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'rows_%'")).toEqual([
      ["1"],
    ]);
    await target.reopen();
  }
});

test("a second opening of a directory is refused, in this process and by its check", async () => {
  await using target = await filled();
  await expect(duckdb.open({ directory: target.directory, settings: {} }, never)).rejects.toMatchObject({
    code: "TARGET_LOCKED",
  });
  expect(await duckdb.check({ directory: target.directory, settings: {} }, never)).toMatchObject([
    { severity: "fine" },
  ]);
});

test("the check names a directory that cannot be used, and how to fix it", async () => {
  await using directory = await TemporaryDirectory.make();
  await writeFile(join(directory.path, "file"), "");
  const findings = await duckdb.check({ directory: join(directory.path, "file"), settings: {} }, never);
  expect(findings).toMatchObject([
    { severity: "blocks", fix: expect.stringContaining("data_dir") as string },
  ]);
});

test("a file that is no database does not stop the others", async () => {
  await using target = await filled();
  await writeFile(join(target.directory, "broken.duckdb"), "x".repeat(10_000));
  await target.reopen();
  expect(await target.rows("SELECT sum(n) FROM shop.public.numbers")).toEqual([["6"]]);
  expect(await target.warehouse.databases(never)).toContainEqual({ name: "broken", kind: "other" });
  await expect(target.database("broken")).rejects.toMatchObject({ code: "TARGET_FAILED" });
});

test("query answers in text, with names and types, and knows schemas without the only database's name", async () => {
  await using target = await filled();
  const { columns, rows } = await target.warehouse.query(
    "SELECT n, n AS n, [n, NULL] AS list, {'a': 1.50} AS s, DATE '2020-01-01' AS d, NULL AS nothing FROM public.numbers ORDER BY n DESC LIMIT 1; -- done",
    never,
  );
  expect(columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
    "n BIGINT",
    "n BIGINT",
    "list BIGINT[]",
    's STRUCT("a" DECIMAL(3,2))',
    "d DATE",
    "nothing INTEGER",
  ]);
  const all = [];
  for await (const chunk of rows) all.push(...chunk);
  expect(all).toEqual([["3", "3", "[3, NULL]", "{'a': 1.50}", "2020-01-01", null]]);
  expect(await target.rows("SELECT n FROM numbers ORDER BY n")).toEqual([["1"], ["2"], ["3"]]);
  expect(await target.rows("SELECT i FROM range(5000) r(i) ORDER BY i DESC LIMIT 3000")).toHaveLength(3000);
});

test.each([
  "SHOW TABLES",
  "SHOW ALL TABLES",
  "DESCRIBE shop.public.numbers",
  "SUMMARIZE shop.public.numbers",
  "EXPLAIN SELECT * FROM shop.public.numbers",
  "EXPLAIN ANALYZE SELECT * FROM shop.public.numbers",
  "FROM shop.public.numbers",
  "WITH x AS (SELECT 1) SELECT * FROM x",
  "VALUES (1), (2)",
])("%s reads, so it is possible", async (sql) => {
  await using target = await filled();
  expect((await target.rows(sql)).length).toBeGreaterThan(0);
});

test.each([
  "INSERT INTO shop.public.numbers VALUES (4)",
  "DELETE FROM shop._zeroetl.checkpoint",
  "UPDATE shop._zeroetl.checkpoint SET epoch = 0",
  "CREATE TABLE dev.t (i INT)",
  "DROP VIEW shop.public.numbers",
  "ATTACH 'x.duckdb'",
  "DETACH shop",
  "COPY (SELECT 1) TO 'x.csv'",
  "EXPLAIN ANALYZE COPY (SELECT 1) TO 'x.csv'",
  "EXPLAIN ANALYZE INSERT INTO dev.t VALUES (1)",
  "SET memory_limit = '1GB'",
  "PRAGMA enable_profiling",
  "INSTALL httpfs",
  "LOAD httpfs",
  "BEGIN",
  "CHECKPOINT",
  "CALL force_checkpoint('shop')",
  "SELECT * FROM force_checkpoint('shop')",
  "SELECT 1; SELECT 2",
  "",
  "-- nothing",
  "PREPARE p AS SELECT 1",
  "SELECT $1",
  "SELECT * FROM read_text('/etc/passwd')",
  "SELECT * FROM read_csv('/etc/passwd')",
  "SELECT * FROM '/etc/passwd'",
  "SELECT * FROM read_text('https://example.com/')",
  "SELECT * FROM zeroetl_feed('x')",
  "SELECT nonsense",
  "SELEC",
  "",
  "SELECT 1) AS q; DROP VIEW shop.public.numbers; --",
])("%s is refused", async (sql) => {
  await using target = await filled();
  await expect(target.rows(sql)).rejects.toMatchObject({ code: "QUERY_FAILED" });
  expect(await target.rows("SELECT sum(n) FROM shop.public.numbers")).toEqual([["6"]]);
  expect((await readdir(target.directory)).filter((file) => file.endsWith(".csv"))).toEqual([]);
});

test("an error of a query comes as QUERY_FAILED, at its start and among its rows", async () => {
  await using target = await filled();
  await expect(target.rows("SELECT 1 FROM missing")).rejects.toMatchObject({
    code: "QUERY_FAILED",
    message: expect.stringContaining("missing") as string,
  });
  await expect(
    target.rows("SELECT CAST(if(i < 500000, '1', 'x') AS INT) FROM range(600000) r(i)"),
  ).rejects.toMatchObject({ code: "QUERY_FAILED" });
});

test("a query is stopped by its signal, and leaves room for others", async () => {
  await using target = await filled();
  const endless = "SELECT count(*) FROM range(1000000000000) a, range(1000000000000) b";
  for (let turn = 0; turn < 6; turn++) {
    const controller = new AbortController();
    const running = target.warehouse.query(endless, controller.signal);
    setTimeout(() => controller.abort(new Error("enough")), 20);
    await expect(running).rejects.toThrow("enough");
  }
  expect(await target.rows("SELECT 1")).toEqual([["1"]]);
});

test("queries that nobody reads to the end leave nothing open", async () => {
  await using target = await filled();
  for (let turn = 0; turn < 10; turn++) {
    const { rows } = await target.warehouse.query("SELECT i FROM range(1000000) r(i)", never);
    for await (const chunk of rows) if (chunk.length > 0) break;
    await expect(rows[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "QUERY_FAILED" });
  }
  expect(await target.rows("SELECT 1")).toEqual([["1"]]);
});

test("rows come in slices, however long their values are", async () => {
  await using target = await TestWarehouse.open(duckdb);
  const { rows } = await target.warehouse.query("SELECT repeat('x', 4000) FROM range(9000)", never);
  let count = 0;
  for await (const slice of rows) {
    count += slice.length;
    expect(slice.length).toBeLessThanOrEqual(66);
  }
  expect(count).toBe(9000);
});

test("a value that would stop the event loop, and more columns than a table has, are refused", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await expect(
    target.rows("SELECT 1, string_agg(repeat('x', 4000), '') FROM range(2400)"),
  ).rejects.toMatchObject({ message: expect.stringContaining("take a part of it with substring") as string });
  const columns = Array.from({ length: 2049 }, (_, index) => index).join(", ");
  await expect(target.rows(`SELECT ${columns}`)).rejects.toMatchObject({
    message: "The result has 2049 columns; at most 2048 are possible.",
  });
});

test("closing the warehouse ends running queries", async () => {
  await using target = await filled();
  const endless = target.rows("SELECT count(*) FROM range(1000000000000) a, range(1000000000000) b");
  const caught = endless.catch((error: unknown) => error);
  const { rows } = await target.warehouse.query("SELECT i FROM range(10000000) r(i)", never);
  await target.reopen();
  expect(await caught).toBeInstanceOf(Error);
  await expect(rows[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "QUERY_FAILED" });
});

test("with several destination databases names need theirs", async () => {
  await using target = await filled();
  await using other = await target.database("other");
  await other.apply(deltaOf(copySteps(numbers, [[9]]), "1"), never);
  await expect(target.rows("FROM public.numbers")).rejects.toMatchObject({ code: "QUERY_FAILED" });
  expect(await target.rows("FROM other.public.numbers")).toEqual([["9"]]);
});

test("what a log holds is written into the file at closing, so that opening is quick", async () => {
  await using target = await filled();
  await target.reopen();
  expect((await readdir(target.directory)).filter((file) => file.endsWith(".wal"))).toEqual([]);
  const files = async () => (await readdir(target.directory)).filter((file) => file.endsWith(".duckdb"));
  expect(await until("the files are there", files)).toEqual(["dev.duckdb", "shop.duckdb"]);
  await target.afterCrash(async (warehouse) =>
    expect(await rowsOf(warehouse, "FROM shop.public.numbers")).toHaveLength(3),
  );
});
