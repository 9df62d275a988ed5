import { afterAll, beforeAll, expect, test } from "vitest";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { TestDatabase, type StreamRun } from "../../../../test/support/stream-run.ts";
import { until } from "../../../../test/support/until.ts";
import { postgres } from "../engine.ts";

let server: TestPostgres;

beforeAll(async () => {
  server = await TestPostgres.start({ settings: { max_prepared_transactions: "5" } });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function obstacleOf(run: StreamRun): Promise<string> {
  const { code, message } = await until("the obstacle is reported", () => run.obstacle);
  expect(code).toBe("SOURCE_TRANSACTION_OPEN");
  return message;
}

/** The statement that a message ends with. */
function statementOf(message: string): string {
  return /(SELECT pg_terminate_backend|ROLLBACK PREPARED) ?.*;$/.exec(message)?.[0] ?? "";
}

test("a prepared transaction of another database that holds up a new slot is named, and ends by the statement given", async () => {
  const [database, other] = [await TestDatabase.make(server), await TestDatabase.make(server)];
  await database.run("CREATE TABLE t (id int PRIMARY KEY)");
  await other.run(
    "CREATE TABLE u (id int)",
    "BEGIN",
    "INSERT INTO u VALUES (1)",
    "PREPARE TRANSACTION 'lost''1'",
  );
  await using run = await database.unstarted();
  const started = run.start();
  const message = await obstacleOf(run);
  expect(message).toContain(
    `the prepared transaction "lost'1" of database ${other.name} (user postgres, prepared at 2`,
  );
  expect(statementOf(message)).toBe("ROLLBACK PREPARED 'lost''1';");
  await other.run(statementOf(message));
  await started;
  await run.synced("public.t");
  expect(run.obstacle).toBeUndefined();
});

test("a stream whose slot waits is given up and removed at once", async () => {
  const database = await TestDatabase.make(server);
  const blocker = await server.connect(database.name);
  await blocker.query("CREATE TABLE u (id int); BEGIN; INSERT INTO u VALUES (1)");
  await using run = await database.unstarted();
  const stop = new AbortController();
  const opening = postgres.open(run.request, stop.signal);
  await obstacleOf(run);
  stop.abort(new Error("stopped"));
  await expect(opening).rejects.toThrow("stopped");
  await postgres.remove(run.request, new AbortController().signal);
  expect(await database.rows("SELECT FROM pg_replication_slots WHERE database = current_database()")).toEqual(
    [],
  );
  await blocker.end();
});

test("what holds up a new table is named: an open transaction, and a lock on the table", async () => {
  const database = await TestDatabase.make(server);
  await database.run("CREATE TABLE t (id int PRIMARY KEY)");
  await using run = await database.stream();
  await run.synced("public.t");
  const blocker = await server.connect(database.name);
  await blocker.query("SET application_name = 'nightly job'; BEGIN; INSERT INTO t VALUES (1)");
  await database.run("CREATE TABLE new (id int PRIMARY KEY)");
  const message = await obstacleOf(run);
  expect(message).toMatch(
    /held by process \d+ \(user postgres, application "nightly job", in a transaction since 2/,
  );
  await database.run(statementOf(message));
  await run.synced("public.new");
  await run.until("nothing waits", () => run.obstacle === undefined);
  await blocker.end().catch(() => {});

  await database.run(
    "CREATE TABLE locked (id int PRIMARY KEY)",
    "BEGIN; LOCK locked IN SHARE UPDATE EXCLUSIVE MODE; PREPARE TRANSACTION 'alter'",
  );
  const lock = await obstacleOf(run);
  expect(lock).toMatch(/on public\.locked, held by the prepared transaction "alter"/);
  await database.run(statementOf(lock));
  await run.synced("public.locked");
  await run.until("nothing waits", () => run.obstacle === undefined);
});
