import { expect, test } from "vitest";
import { TestPostgres } from "../../../test/support/postgres.ts";
import { StreamRun } from "../../../test/support/stream-run.ts";
import { until } from "../../../test/support/until.ts";
import { postgres } from "./engine.ts";

interface Sender extends Record<string, unknown> {
  readonly state: string;
  readonly flush: string | null;
  readonly confirmed: string;
}

test("a stream is never a synchronous standby, and its slot moves on all the same", async () => {
  await using server = await TestPostgres.start({
    settings: { synchronous_standby_names: "*", synchronous_commit: "local" },
  });
  await server.run("CREATE TABLE t (id int PRIMARY KEY)");
  await using run = await StreamRun.start(server);
  await run.synced("public.t");
  const sender = async (): Promise<Sender | undefined> => {
    const rows = await server.rows<Sender>(
      `SELECT r.sync_state AS state, r.flush_lsn::text AS flush, s.confirmed_flush_lsn::text AS confirmed
       FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid WHERE NOT s.temporary`,
    );
    return rows[0];
  };
  const before = await until("a report without a flush position", async () => {
    const found = await sender();
    return found?.flush === null ? found : undefined;
  });
  await server.run("INSERT INTO t VALUES (1)");
  await run.until("the row", () => run.model.rows("public.t").length === 1);
  const after = await until("a slot that moved on", async () => {
    const found = await sender();
    return found !== undefined && found.confirmed !== before.confirmed && found.flush === null
      ? found
      : undefined;
  });
  expect([before.state, after.state]).toEqual(["async", "async"]);
  const findings = await postgres.check(run.request, new AbortController().signal);
  const finding = findings.find(({ subject }) => subject === "synchronous_standby_names");
  expect(finding).toMatchObject({ severity: "warns", code: "SYNCHRONOUS_STANDBYS" });
});
