import { appendFile, chown, cp, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TestPostgres } from "../../../test/support/postgres.ts";
import { StreamRun } from "../../../test/support/stream-run.ts";

/** Has a stopped server recover from what it has, and begin a new timeline, as a promoted standby does. */
async function promoteAtStart(server: TestPostgres): Promise<void> {
  const data = join(server.directory, "data");
  const signal = join(data, "recovery.signal");
  await writeFile(signal, "");
  await appendFile(join(data, "postgresql.conf"), "\nrestore_command = 'false'\n");
  const { uid, gid } = await stat(data);
  await chown(signal, uid, gid);
}

test("a server that was promoted behind what was read is followed", async () => {
  await using server = await TestPostgres.start();
  await server.run(["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
  await using run = await StreamRun.start(server);
  await run.synced("public.t");
  await run.stop();
  await server.run("INSERT INTO t VALUES (2)");
  await server.stop();
  await promoteAtStart(server);
  await server.start();
  await run.start();
  await server.run("INSERT INTO t VALUES (3)");
  expect(await run.differences()).toEqual([]);
  expect(run.model.checkpoint).toMatch(/^\d+\/2\//);
  expect(run.model.copiedRows).toBe(1);
});

test("a server that was restored to an earlier time is refused, also once it has written more", async () => {
  await using server = await TestPostgres.start();
  await server.run(["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
  await using run = await StreamRun.start(server);
  await run.synced("public.t");
  await run.stop();
  const data = join(server.directory, "data");
  await server.stop();
  await cp(data, join(server.directory, "backup"), { recursive: true, preserveTimestamps: true });
  const { uid, gid } = await stat(data);
  await server.start();
  await run.start();
  await server.run("INSERT INTO t SELECT generate_series(2, 5000)");
  expect(await run.differences()).toEqual([]);
  await run.stop();
  await server.stop();
  await rm(data, { recursive: true });
  await cp(join(server.directory, "backup"), data, { recursive: true, preserveTimestamps: true });
  await own(data, { uid, gid });
  await promoteAtStart(server);
  await server.start();
  await expect(run.start()).rejects.toMatchObject({ code: "SOURCE_REPLACED" });
  await server.run("INSERT INTO t SELECT generate_series(10000, 90000)");
  await expect(run.start()).rejects.toMatchObject({ code: "SOURCE_REPLACED" });
});

async function own(path: string, to: { uid: number; gid: number }): Promise<void> {
  const { execFile } = await import("node:child_process");
  const { promisify } = await import("node:util");
  await promisify(execFile)("chown", ["-R", `${to.uid}:${to.gid}`, path]);
  await promisify(execFile)("chmod", ["700", path]);
}
