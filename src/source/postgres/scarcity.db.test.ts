import { expect, test } from "vitest";
import { TestPostgres } from "../../../test/support/postgres.ts";
import { StreamRun } from "../../../test/support/stream-run.ts";
import { until } from "../../../test/support/until.ts";

test("where no slot is left, a new table waits with the reason and the stream goes on", async () => {
  await using server = await TestPostgres.start({
    settings: { max_replication_slots: "2", max_wal_senders: "2" },
  });
  await server.run("CREATE TABLE t (id int PRIMARY KEY)");
  await using run = await StreamRun.start(server);
  await run.synced("public.t");
  await server.run("SELECT pg_create_physical_replication_slot('other')");
  await server.run(["CREATE TABLE u (id int PRIMARY KEY)", "INSERT INTO u VALUES (1)"]);
  const obstacle = await until("the reason", () => run.obstacle);
  expect(obstacle).toMatchObject({
    code: "REPLICATION_SLOTS",
    message: expect.stringMatching(
      /^Copying tables is waiting: .*all replication slots are in use.*max_replication_slots/,
    ),
  });
  await server.run("INSERT INTO t VALUES (1)");
  await run.until("the row", () => run.model.rows("public.t").length === 1);
  await server.run("SELECT pg_drop_replication_slot('other')");
  await run.synced("public.u");
  expect(run.obstacle).toBeUndefined();
});

test("where no connection is left, a new table waits, and is copied after the statement that the reason gives", async () => {
  await using server = await TestPostgres.start();
  await server.run([
    "CREATE ROLE r LOGIN REPLICATION PASSWORD 'secret'",
    "GRANT CREATE ON DATABASE postgres TO r",
    "CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t OWNER TO r",
  ]);
  await using run = await StreamRun.start(server, { user: "r" });
  await run.synced("public.t");
  await until("an idle stream has two connections besides its WAL sender", async () => {
    const used = await server.rows(
      "SELECT FROM pg_stat_activity WHERE usename = 'r' AND backend_type = 'client backend'",
    );
    return used.length === 2;
  });
  await server.run([
    "ALTER ROLE r CONNECTION LIMIT 2",
    "CREATE TABLE u (id int PRIMARY KEY); ALTER TABLE u OWNER TO r; INSERT INTO u VALUES (1)",
  ]);
  const { code, message } = await until("the reason", () => run.obstacle);
  expect(code).toBe("SOURCE_CONNECTIONS");
  await server.run("INSERT INTO t VALUES (1)");
  await run.until("the row", () => run.model.rows("public.t").length === 1);
  await server.run(/ALTER ROLE .*?;/.exec(message)?.[0] ?? "");
  await run.synced("public.u");
});
