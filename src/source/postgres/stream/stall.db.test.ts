import { afterAll, beforeAll, expect, test } from "vitest";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { TestDatabase, type StreamRun } from "../../../../test/support/stream-run.ts";
import { until } from "../../../../test/support/until.ts";
import { stallAfterMs } from "./headway.ts";

let server: TestPostgres;

beforeAll(async () => {
  server = await TestPostgres.start({ version: 17, settings: { max_prepared_transactions: "5" } });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** A stream of a table `t`, in step with the source. */
async function streamOf(database: TestDatabase): Promise<StreamRun> {
  await database.run("CREATE TABLE t (id int PRIMARY KEY)");
  const run = await database.stream();
  await run.synced("public.t");
  return run;
}

async function causeOf(run: StreamRun, pattern: RegExp): Promise<string> {
  return until("the stall is explained", () => {
    const cause = run.source.reach().stall?.cause;
    return cause !== undefined && pattern.test(cause) ? cause : undefined;
  });
}

/** Runs the statements that a message ends with. */
async function follow(advice: string, database: TestDatabase): Promise<void> {
  const [statements] = /(ALTER SYSTEM|SELECT|ROLLBACK PREPARED) .*;$/.exec(advice) ?? [];
  if (statements === undefined) throw new Error(`no statement in ${advice}`);
  for (const statement of statements.split(/(?<=;) /)) await database.run(statement);
}

async function complete(run: StreamRun): Promise<void> {
  const sinceMs = Date.now();
  await run.until("the stream has come to the end of the log", () => {
    const { completeAtMs = 0, stall } = run.source.reach();
    return completeAtMs > sinceMs && stall === undefined;
  });
}

test("a standby that is down, for which failover slots wait, is named with the way to go on without it", async () => {
  await using waiting = await TestPostgres.start({ version: 17 });
  const database = await TestDatabase.make(waiting);
  await using run = await streamOf(database);
  await waiting.run([
    "SELECT pg_create_physical_replication_slot('sb1', true)",
    "ALTER SYSTEM SET synchronized_standby_slots = 'sb1'",
    "SELECT pg_reload_conf()",
  ]);
  await database.run("INSERT INTO t VALUES (1)");
  const cause = await causeOf(run, /synchronized_standby_slots/);
  expect(cause).toContain('waits for "sb1" (its standby is not connected)');
  expect(run.model.rows("public.t")).toHaveLength(0);
  await follow(cause, database);
  await run.until("the row", () => run.model.rows("public.t").length === 1);
  await complete(run);
});

test("a lock that logical decoding waits for is told, with who holds it", async () => {
  const database = await TestDatabase.make(server);
  await using run = await streamOf(database);
  const locker = await server.connect(database.name);
  try {
    await locker.query("SET application_name = 'a migration'");
    await locker.query("BEGIN; LOCK pg_catalog.pg_publication_rel IN ACCESS EXCLUSIVE MODE");
    await database.run(
      "INSERT INTO t VALUES (1)",
      "CREATE TABLE other (id int PRIMARY KEY)",
      "INSERT INTO other VALUES (1)",
    );
    const cause = await causeOf(run, /Lock on pg_publication_rel/);
    expect(cause).toContain('(user postgres, application "a migration", in a transaction since ');
    await follow(cause, database);
  } finally {
    await locker.end().catch(() => {});
  }
  await run.synced("public.other");
  await complete(run);
});

test("a prepared transaction whose lock stops logical decoding is told, with the statement that ends it", async () => {
  const database = await TestDatabase.make(server);
  await using run = await streamOf(database);
  await database.run(
    "BEGIN; LOCK pg_catalog.pg_publication_rel IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION 'it''s'",
  );
  await database.run("CREATE TABLE other (id int PRIMARY KEY)", "INSERT INTO other VALUES (1)");
  const cause = await causeOf(run, /prepared transaction/);
  expect(cause).toContain("ROLLBACK PREPARED 'it''s';");
  await follow(cause, database);
  await run.synced("public.other");
});

test("a walsender that is alive and sends nothing is told with its process", async () => {
  const database = await TestDatabase.make(server);
  await using run = await streamOf(database);
  const [{ pid } = { pid: 0 }] = await database.rows<{ pid: number }>(
    `SELECT active_pid AS pid FROM pg_replication_slots WHERE database = current_database() AND active`,
  );
  process.kill(pid, "SIGSTOP");
  try {
    await database.run("INSERT INTO t VALUES (1)");
    expect(await causeOf(run, /Walsender/)).toContain(
      `Walsender process ${pid} of the source has sent nothing after `,
    );
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await complete(run);
  expect(run.model.rows("public.t")).toHaveLength(1);
});

test("a stream of a database that is idle is complete, whatever other databases write, and after a change of the WAL file", async () => {
  const [database, other] = [await TestDatabase.make(server), await TestDatabase.make(server)];
  await using run = await streamOf(database);
  await other.run("CREATE TABLE busy (n int)");
  const endMs = Date.now() + 2 * stallAfterMs;
  while (Date.now() < endMs) {
    await other.run("INSERT INTO busy SELECT generate_series(1, 1000)", "SELECT pg_switch_wal()");
    await complete(run);
  }
});
