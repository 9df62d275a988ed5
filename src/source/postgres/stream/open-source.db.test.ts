import { expect, test } from "vitest";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { StreamRun } from "../../../../test/support/stream-run.ts";
import { until } from "../../../../test/support/until.ts";

test("a walsender that ends before START_REPLICATION fails the attempt with the server's reason", async () => {
  await using server = await TestPostgres.start();
  await server.run(["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
  await using run = await StreamRun.start(server);
  await run.synced("public.t");
  await run.stop();
  const blocker = await server.connect();
  await blocker.query("BEGIN; LOCK pg_catalog.pg_publication IN ACCESS EXCLUSIVE MODE");
  const opened = run.start();
  // Idle, while the opening waits for the lock.
  const { pid } = await until("the idle walsender", async () => {
    const found = await server.rows<{ pid: number }>(
      `SELECT w.pid FROM pg_stat_activity w
       WHERE w.backend_type = 'walsender' AND w.state = 'idle' AND w.wait_event = 'ClientRead' AND EXISTS
         (SELECT FROM pg_stat_activity WHERE query ~ 'FROM pg_publication' AND wait_event_type = 'Lock')`,
    );
    return found[0];
  });
  await server.rows(`SELECT pg_terminate_backend(${pid}, 5000)`);
  await blocker.query("ROLLBACK");
  await blocker.end();
  await expect(opened).rejects.toMatchObject({
    code: "SOURCE_UNREACHABLE",
    message: expect.stringContaining("terminating connection due to administrator command"),
  });
  await run.start();
  await server.run("INSERT INTO t VALUES (2)");
  await run.until("the row", () => run.model.rows("public.t").length === 2);
});
