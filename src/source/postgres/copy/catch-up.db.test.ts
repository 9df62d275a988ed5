import { expect, test } from "vitest";
import { TestDatabase, type StreamRun } from "../../../../test/support/stream-run.ts";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { until } from "../../../../test/support/until.ts";

/** A database with a table that is about to be copied, and one that has been. */
async function copying(server: TestPostgres): Promise<{ database: TestDatabase; run: StreamRun }> {
  const database = await TestDatabase.make(server);
  await database.run("CREATE TABLE other (id int PRIMARY KEY)");
  const run = await database.stream();
  await run.synced("public.other");
  run.holdCopies("rows");
  // In one transaction, so that both are copied together.
  await database.run(
    `BEGIN;
     CREATE TABLE t (id int PRIMARY KEY, v text, w text DEFAULT 'w');
     ALTER TABLE t ALTER w SET STORAGE EXTERNAL;
     CREATE TABLE keyless (v int);
     ALTER TABLE keyless REPLICA IDENTITY FULL;
     INSERT INTO t SELECT i, 'copied', repeat('w', 4000) FROM generate_series(1, 1000) i;
     INSERT INTO keyless SELECT i % 10 FROM generate_series(1, 1000) i;
     COMMIT`,
  );
  await run.until("a copy", () => run.model.phase("public.t")?.kind === "copying");
  await run.until("the other copy", () => run.model.phase("public.keyless")?.kind === "copying");
  return { database, run };
}

/** As `copying`, after the rows: the tables are no longer locked, and have changes that the copies still lack. */
async function catchingUp(server: TestPostgres): Promise<{ database: TestDatabase; run: StreamRun }> {
  const { database, run } = await copying(server);
  await database.run("INSERT INTO t VALUES (4000, 'during')", "INSERT INTO other VALUES (0)");
  await run.until("the stream ahead of the copy", () => run.model.rows("public.other").length === 1);
  run.holdCopies("changes");
  return { database, run };
}

function copiesOf(run: StreamRun, name: string): number {
  return run.model.events.filter((event) => event === `copy-finished public.${name}`).length;
}

test("other tables are replicated while a table is copied", async () => {
  await using server = await TestPostgres.start();
  const { database, run } = await copying(server);
  await using _ = run;
  await database.run("INSERT INTO other SELECT generate_series(1, 100)");
  await run.until("the rows of the other table", () => run.model.rows("public.other").length === 100);
  expect(run.model.phase("public.t")?.kind).toBe("copying");
  run.holdCopies("none");
  await run.synced("public.t", "public.keyless");
  expect(await run.differences()).toEqual([]);
});

test("a copy catches up with what was changed meanwhile, by any kind of change", async () => {
  await using server = await TestPostgres.start({ settings: { logical_decoding_work_mem: "64kB" } });
  const { database, run } = await copying(server);
  await using _ = run;
  await database.run(
    // The source does not send w, which is stored out of line and unchanged.
    "UPDATE t SET v = 'changed' WHERE id % 3 = 0",
    "UPDATE t SET id = id + 10000 WHERE id % 7 = 0",
    "DELETE FROM t WHERE id % 5 = 0",
    "INSERT INTO t SELECT i, 'new' FROM generate_series(2001, 2500) i",
    "DELETE FROM keyless WHERE v = 3",
    "UPDATE keyless SET v = 99 WHERE v = 4",
    "INSERT INTO keyless SELECT 5 FROM generate_series(1, 50)",
    // Sent before its commit, partly rolled back.
    `BEGIN; INSERT INTO t SELECT i, 'large' FROM generate_series(3001, 9000) i; SAVEPOINT s;
     DELETE FROM t; ROLLBACK TO s; COMMIT`,
    "INSERT INTO other VALUES (1)",
  );
  await run.until("the stream ahead of the copy", () => run.model.rows("public.other").length === 1);
  run.holdCopies("none");
  await run.synced("public.t", "public.keyless");
  expect(await run.differences()).toEqual([]);
  expect([copiesOf(run, "t"), copiesOf(run, "keyless")]).toEqual([1, 1]);
});

test("a table that is truncated during its copy is empty behind it, and is not copied again", async () => {
  await using server = await TestPostgres.start();
  const { database, run } = await catchingUp(server);
  await using _ = run;
  await database.run(
    "INSERT INTO t VALUES (5000, 'gone')",
    "TRUNCATE t",
    "INSERT INTO t VALUES (1, 'after')",
    "INSERT INTO other VALUES (1)",
  );
  await run.until("the stream ahead of the copy", () => run.model.rows("public.other").length === 2);
  run.holdCopies("none");
  await run.synced("public.t");
  expect(await run.differences()).toEqual([]);
  expect(copiesOf(run, "t")).toBe(1);
});

test("a table that is altered during its copy is copied again, alone", async () => {
  await using server = await TestPostgres.start();
  const { database, run } = await catchingUp(server);
  await using _ = run;
  await database.run(
    "ALTER TABLE t DROP COLUMN w, ADD COLUMN x int DEFAULT 7",
    "INSERT INTO t VALUES (5000, 'after', 8)",
    "INSERT INTO keyless VALUES (100)",
    "INSERT INTO other VALUES (1)",
  );
  await run.until("the stream ahead of the copy", () => run.model.rows("public.other").length === 2);
  run.holdCopies("none");
  await run.synced("public.t", "public.keyless");
  expect(run.model.columns("public.t")).toEqual(["id", "v", "x"]);
  expect(await run.differences()).toEqual([]);
  expect(copiesOf(run, "keyless")).toBe(1);
});

test("a table that is altered during its copy without another change is altered behind it", async () => {
  await using server = await TestPostgres.start();
  const { database, run } = await catchingUp(server);
  await using _ = run;
  await database.run("ALTER TABLE t ADD COLUMN x int", "INSERT INTO other VALUES (1)");
  await run.until("the stream ahead of the copy", () => run.model.rows("public.other").length === 2);
  run.holdCopies("none");
  await run.synced("public.t");
  await run.until("the new column", () => run.model.columns("public.t").includes("x"));
  expect(await run.differences()).toEqual([]);
});

test("a table that is dropped, or loses its key, during its copy does not hold up the others", async () => {
  await using server = await TestPostgres.start();
  const { database, run } = await catchingUp(server);
  await using _ = run;
  await database.run(
    "DROP TABLE t",
    "ALTER TABLE keyless REPLICA IDENTITY NOTHING",
    "CREATE TABLE later (id int PRIMARY KEY)",
    "INSERT INTO later VALUES (1)",
    "INSERT INTO other VALUES (1)",
  );
  await run.until("the stream ahead of the copy", () => run.model.rows("public.other").length === 2);
  run.holdCopies("none");
  await run.synced("public.later");
  await run.until("the dropped table", () => run.model.phase("public.t")?.kind === "deleted");
  expect(await run.differences()).toEqual([]);
});

test("a copy is made again after a crash, and leaves no slot behind", async () => {
  await using server = await TestPostgres.start();
  const { database, run } = await copying(server);
  await using _ = run;
  await database.run("INSERT INTO t VALUES (5000, 'during')");
  await run.stop();
  await until("no slot of a copy", async () => {
    const slots = await server.rows("SELECT FROM pg_replication_slots WHERE temporary");
    return slots.length === 0;
  });
  run.holdCopies("none");
  await run.start();
  await run.synced("public.t", "public.keyless");
  expect(await run.differences()).toEqual([]);
});

test("a comparison is made while a table is copied", async () => {
  await using server = await TestPostgres.start();
  const { database, run } = await copying(server);
  await using _ = run;
  await database.run("INSERT INTO other VALUES (1), (2)", "INSERT INTO t VALUES (5000, 'during')");
  expect(await run.differences()).toEqual([]);
  expect(run.model.phase("public.t")?.kind).toBe("copying");
  run.holdCopies("none");
  await run.synced("public.t");
  expect(await run.differences()).toEqual([]);
});

test("a table that never rests is handed over while it is written to", async () => {
  await using server = await TestPostgres.start();
  const { database, run } = await copying(server);
  await using _ = run;
  const writer = await server.connect(database.name);
  let isOver = false;
  const writing = (async () => {
    for (let id = 10_000; !isOver; id += 1) await writer.query(`INSERT INTO t VALUES (${id}, 'busy')`);
  })();
  await run.until("the writer", () => run.source.measures().bytesRead > 0);
  run.holdCopies("none");
  try {
    await run.synced("public.t", "public.keyless");
  } finally {
    isOver = true;
    await writing;
    await writer.end();
  }
  expect(await run.differences()).toEqual([]);
});
