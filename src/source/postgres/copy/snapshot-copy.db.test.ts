import { expect, test, vi } from "vitest";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { TestDatabase } from "../../../../test/support/stream-run.ts";
import { until } from "../../../../test/support/until.ts";
import { readTables } from "../catalog/catalog-table.ts";
import { piecesOf, readPages } from "./copy-plan.ts";
import { Session } from "../connection/session.ts";
import { shapeOf } from "../catalog/shape.ts";
import { ExportedSnapshot } from "../stream/slot.ts";
import { copyTables, type CopyStep } from "./snapshot-copy.ts";
import { readTypeContext } from "../catalog/type-context.ts";

const never = new AbortController().signal;
const publication = "none";

/** Copies every table of a database. `between` runs after the snapshot has been taken. */
async function copied(
  server: TestPostgres,
  between: readonly string[] | (() => Promise<unknown>),
  user = "postgres",
): Promise<Map<string, string>> {
  const connect = { url: server.url().replace("postgres:secret", `${user}:secret`), database: "postgres" };
  await using control = await Session.open(connect, never);
  const tables = await readTables(control, { publication });
  const context = await readTypeContext(control, tables.values());
  const jobs = [...tables.values()].flatMap((table) => {
    if (table.ancestors.length > 0) return [];
    const result = shapeOf({ ...table, isOwned: true, isReadable: true }, context);
    return result.kind === "shape" ? [{ table, shape: result.shape }] : [];
  });
  const pagesOf = await readPages(
    control,
    jobs.map(({ table }) => table),
  );
  const pieces = jobs.flatMap((job) => piecesOf({ ...job, pages: pagesOf.get(job.table) ?? [] }));
  await using exported = await ExportedSnapshot.open({ url: server.url(), database: "postgres" }, never);
  const { snapshot } = exported;
  await (typeof between === "function" ? between() : server.run(between));
  const outcomes = new Map<string, string>();
  const rows = new Map<string, number>();
  for await (const step of copyTables(
    { connect, publication, snapshot, pieces, connections: 2, control, isScarce: () => false },
    never,
  )) {
    if (step.kind === "read") continue;
    const name = step.job.table.name;
    if (step.kind === "rows") rows.set(name, (rows.get(name) ?? 0) + step.rows.offsets.length);
    else outcomes.set(name, outcome(step, rows.get(name) ?? 0));
  }
  return outcomes;
}

function outcome(step: Exclude<CopyStep, { kind: "rows" | "read" }>, rows: number): string {
  return step.kind === "failed" ? step.reason.code : `${step.kind} ${rows}`;
}

test("a table that was altered behind the snapshot waits for another one, the others do not", async () => {
  await using server = await TestPostgres.start();
  const names = ["rewritten", "emptied", "vacuumed", "renamed", "added", "again", "dropped", "same"];
  await server.run(
    names.flatMap((name) => [
      `CREATE TABLE ${name} (id int PRIMARY KEY, v int)`,
      `INSERT INTO ${name} SELECT i, i FROM generate_series(1, 1000) i`,
    ]),
  );
  await server.run(["CREATE TYPE pair AS (a int)", "CREATE TABLE typed (id int PRIMARY KEY, v pair)"]);
  const outcomes = await copied(server, [
    "ALTER TYPE pair ADD ATTRIBUTE b int",
    "ALTER TABLE rewritten ALTER v TYPE int USING v + 1",
    "TRUNCATE emptied",
    "VACUUM FULL vacuumed",
    "ALTER TABLE renamed RENAME v TO w",
    "ALTER TABLE added ADD w int",
    "ALTER TABLE again DROP v",
    "ALTER TABLE again ADD v int",
    "DROP TABLE dropped",
    "DELETE FROM same WHERE id > 500",
    "INSERT INTO same SELECT i, i FROM generate_series(2001, 3000) i",
  ]);
  expect(Object.fromEntries(outcomes)).toEqual({
    rewritten: "postponed 0",
    emptied: "postponed 0",
    vacuumed: "postponed 0",
    renamed: "postponed 0",
    added: "postponed 0",
    again: "postponed 0",
    dropped: "postponed 0",
    typed: "postponed 0",
    same: "finished 1000",
  });
});

test("the pieces of a large table are all of it, while it is written to and vacuumed", async () => {
  await using server = await TestPostgres.start();
  await server.run([
    // One row per page: many pages with little data to write.
    "CREATE TABLE large (id int PRIMARY KEY, v text) WITH (fillfactor = 10)",
    "ALTER TABLE large ALTER v SET STORAGE PLAIN",
    "INSERT INTO large SELECT i, repeat('x', 780) FROM generate_series(1, 20000) i",
    "DELETE FROM large WHERE id % 10 = 0",
    "CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id)",
    "CREATE TABLE p1 PARTITION OF parts FOR VALUES FROM (0) TO (100)",
    "CREATE TABLE p2 PARTITION OF parts FOR VALUES FROM (100) TO (200)",
    "INSERT INTO parts SELECT generate_series(0, 199)",
  ]);
  const [pages] = await server.rows<{ pages: number }>(
    "SELECT (pg_relation_size('large') / 8192)::int AS pages",
  );
  expect(pages?.pages).toBeGreaterThan(16_384);
  const outcomes = await copied(server, [
    "UPDATE large SET v = 'hot' WHERE id % 3 = 0",
    "DELETE FROM large WHERE id % 7 = 0",
    "VACUUM large",
    "INSERT INTO large SELECT i, repeat('y', 780) FROM generate_series(30001, 33000) i",
  ]);
  expect(Object.fromEntries(outcomes)).toEqual({ large: "finished 18000", parts: "finished 200" });
});

test("a table that may not be read fails alone, and leaves of partitions may be read through their root", async () => {
  await using server = await TestPostgres.start();
  await server.run([
    "CREATE ROLE r LOGIN PASSWORD 'secret'",
    "CREATE TABLE closed (id int PRIMARY KEY)",
    // Can be locked together with other tables, but fails when it is read.
    "CREATE TABLE locked (id int PRIMARY KEY)",
    "GRANT UPDATE ON locked TO r",
    "CREATE TABLE open (id int PRIMARY KEY, v int)",
    "GRANT SELECT ON open TO r",
    "INSERT INTO open VALUES (1)",
    "CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id)",
    "CREATE TABLE p1 PARTITION OF parts FOR VALUES FROM (0) TO (100)",
    "INSERT INTO parts VALUES (1), (2)",
    "GRANT SELECT ON parts TO r",
  ]);
  const outcomes = await copied(server, [], "r");
  expect(Object.fromEntries(outcomes)).toEqual({
    closed: "TABLE_PRIVILEGE",
    locked: "TABLE_PRIVILEGE",
    open: "finished 1",
    parts: "finished 2",
  });
});

test("small tables are locked together, and one that fails among them does not hold up the others", async () => {
  await using server = await TestPostgres.start();
  const names = Array.from({ length: 120 }, (_, index) => `t${index}`);
  await server.run([
    "CREATE ROLE r LOGIN PASSWORD 'secret'",
    ...names.flatMap((name) => [
      `CREATE TABLE ${name} (id int PRIMARY KEY)`,
      `INSERT INTO ${name} VALUES (1), (2)`,
    ]),
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO r",
    "REVOKE SELECT ON t30, t31, t119 FROM r",
    "GRANT UPDATE ON t30, t31, t119 TO r",
  ]);
  const run = vi.spyOn(Session.prototype, "run");
  const outcomes = await copied(server, ["ALTER TABLE t60 ADD v int"], "r");
  const locks = run.mock.calls.filter(([sql]) => sql.includes("LOCK TABLE"));
  run.mockRestore();
  // Three groups of fifty, and again for those after a table that failed.
  expect(locks.length).toBeGreaterThan(2);
  expect(locks.length).toBeLessThan(10);
  const others = names.filter((name) => outcomes.get(name) !== "finished 2");
  expect(others.map((name) => [name, outcomes.get(name)])).toEqual([
    ["t30", "TABLE_PRIVILEGE"],
    ["t31", "TABLE_PRIVILEGE"],
    ["t60", "postponed 0"],
    ["t119", "TABLE_PRIVILEGE"],
  ]);
});

test("a table that is locked for long waits for another snapshot, the others do not", async () => {
  await using server = await TestPostgres.start();
  await server.run(["CREATE TABLE locked (id int PRIMARY KEY)", "CREATE TABLE other (id int PRIMARY KEY)"]);
  const holder = await server.connect();
  const lock = (): Promise<unknown> =>
    holder.query("BEGIN").then(() => holder.query("LOCK TABLE locked IN ACCESS EXCLUSIVE MODE"));
  const outcomes = await copied(server, lock);
  expect(Object.fromEntries(outcomes)).toEqual({ locked: "postponed 0", other: "finished 0" });
  await holder.end();
});

test("a copy that is cut off is made again, and its snapshot's slot is gone", async () => {
  await using server = await TestPostgres.start();
  const database = await TestDatabase.make(server);
  await database.run(
    "CREATE TABLE t (id int PRIMARY KEY, v text)",
    "INSERT INTO t SELECT i, repeat('x', 200) FROM generate_series(1, 100000) i",
  );
  await using run = await database.stream();
  await run.until("some rows", () => run.model.copiedRows > 1000);
  await run.stop();
  await until("no slot of a copy", async () => {
    const slots = await server.rows("SELECT FROM pg_replication_slots WHERE temporary");
    return slots.length === 0;
  });
  await run.start();
  await run.synced("public.t");
  expect(await run.differences()).toEqual([]);
});
