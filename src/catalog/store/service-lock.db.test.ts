import { afterAll, beforeAll, expect, test } from "vitest";
import { TestPostgres } from "../../../test/support/postgres.ts";
import { until } from "../../../test/support/until.ts";
import { setLogLevel } from "../../base/log.ts";
import { ServiceLock } from "./service-lock.ts";

setLogLevel("silent");

const never = new AbortController().signal;
const locked = { code: "CATALOG_LOCKED" };

let server: TestPostgres;

beforeAll(async () => {
  server = await TestPostgres.start({ version: 14 });
  await server.run("CREATE ROLE first LOGIN PASSWORD 'secret'");
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

function urlOf(role: string): string {
  return server.url().replace("postgres:secret", `${role}:secret`);
}

/** Of the sessions that hold locks. */
async function pids(): Promise<number[]> {
  const rows = await server.rows<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'zeroetl on %' ORDER BY pid",
  );
  return rows.map(({ pid }) => pid);
}

const endSessions =
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'zeroetl on %'";

test("a second service is refused, names the first, and acquires the lock after it", async () => {
  {
    await using _first = await ServiceLock.take(server.url(), never);
    await expect(ServiceLock.take(server.url(), never)).rejects.toMatchObject({
      ...locked,
      message: expect.stringMatching(
        new RegExp(
          `^The catalog is in use by another service \\(zeroetl on .*, pid ${process.pid}, 127\\.0\\.0\\.1\\)\\.$`,
        ),
      ),
    });
  }
  await using _second = await ServiceLock.take(server.url(), never);
});

test("a session that is lost is replaced", async () => {
  await using first = await ServiceLock.take(urlOf("first"), never);
  const before = await pids();
  await server.run(endSessions);
  await until("another session holds the lock", async () => {
    const now = await pids();
    return now.length === 1 && now[0] !== before[0];
  });
  await expect(ServiceLock.take(server.url(), never)).rejects.toMatchObject(locked);
  await server.restart();
  await until("a session holds the lock after a restart", async () => (await pids()).length === 1);
  await expect(ServiceLock.take(server.url(), never)).rejects.toMatchObject(locked);
  expect(await Promise.race([first.lost.catch(() => "lost"), Promise.resolve("held")])).toBe("held");
});

test("a service learns that another one has taken the lock meanwhile", async () => {
  await using first = await ServiceLock.take(urlOf("first"), never);
  await server.run(["ALTER ROLE first NOLOGIN", endSessions]);
  await using _second = await ServiceLock.take(server.url(), never);
  await server.run("ALTER ROLE first LOGIN");
  await expect(first.lost).rejects.toMatchObject(locked);
});

test("a server that does not answer is told without the password", async () => {
  const refused = ServiceLock.take("postgres://u:hunter2@127.0.0.1:1/x", never);
  await expect(refused).rejects.toMatchObject({
    code: "CATALOG_FAILED",
    message: expect.not.stringContaining("hunter2"),
  });
});
