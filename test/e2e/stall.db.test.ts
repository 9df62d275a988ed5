import { join } from "node:path";
import { expect, test } from "vitest";
import { TestPostgres } from "../support/postgres.ts";
import { ServiceProcess } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { until } from "../support/until.ts";

async function metric(service: ServiceProcess, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${service.endpoint}/metrics`)).text();
  const [, value] = new RegExp(`^${name}\\{.*\\} (\\S+)$`, "m").exec(text) ?? [];
  return value === undefined ? undefined : Number(value);
}

test("a stream that gets nothing needs attention with the cause, lags, and fails a comparison, until it goes on", async () => {
  await using server = await TestPostgres.start({ version: 17 });
  await server.run("CREATE TABLE t (id int PRIMARY KEY)");
  await using home = await TemporaryDirectory.make();
  await using service = await ServiceProcess.start({
    directory: join(home.path, "service"),
    sourceUrl: server.url(),
  });
  await service.create("include: postgres.*.*");
  await service.status("active");
  await until("the stream has no lag", async () => (await metric(service, "zeroetl_lag_seconds")) === 0);
  await server.run([
    "SELECT pg_create_physical_replication_slot('sb1', true)",
    "ALTER SYSTEM SET synchronized_standby_slots = 'sb1'",
    "SELECT pg_reload_conf()",
    "INSERT INTO t VALUES (1)",
  ]);
  const verified = service.verify().then(
    () => undefined,
    (error: unknown) => error,
  );
  const { Errors } = await service.status("needs_attention");
  expect(Errors).toMatchObject([
    { ErrorCode: "SOURCE_STALLED", ErrorMessage: expect.stringContaining('"sb1"') as string },
  ]);
  expect(await metric(service, "zeroetl_stream_stalled_seconds")).toBeGreaterThan(29);
  expect(await metric(service, "zeroetl_lag_seconds")).toBeGreaterThan(29);
  expect(String(await verified)).toContain("SOURCE_STALLED");
  await server.run(["ALTER SYSTEM RESET synchronized_standby_slots", "SELECT pg_reload_conf()"]);
  expect((await service.status("active")).Errors).toEqual([]);
  await until("the row", async () => (await service.query("FROM postgres.public.t")).length === 1);
  await until("the stream has no lag", async () => (await metric(service, "zeroetl_lag_seconds")) === 0);
});
