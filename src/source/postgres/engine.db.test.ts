import { expect, test } from "vitest";
import { StreamRun } from "../../../test/support/stream-run.ts";
import { TestPostgres, type PostgresVersion } from "../../../test/support/postgres.ts";
import { postgres } from "./engine.ts";
import { namesOf } from "./names.ts";

const never = new AbortController().signal;

test.each([14, 16, 18] as PostgresVersion[])(
  "PostgreSQL %i: tables are copied, changes follow, and everything is removed",
  async (version) => {
    await using server = await TestPostgres.start({ version });
    await server.run([
      "CREATE TABLE a (id int PRIMARY KEY, t text)",
      "INSERT INTO a SELECT i, 'row ' || i FROM generate_series(1, 5000) i",
      "CREATE TABLE b (id int PRIMARY KEY, n numeric(10, 2))",
    ]);
    await using run = await StreamRun.start(server);
    await run.synced("public.a", "public.b");
    const [shown] = await server.rows<{ server_version: string }>("SHOW server_version");
    expect(run.engineVersion).toBe(shown?.server_version);
    expect(await run.differences()).toEqual([]);
    await server.run([
      "INSERT INTO b SELECT i, i / 3.0 FROM generate_series(1, 1000) i",
      "UPDATE a SET t = t || '!' WHERE id % 3 = 0",
      "DELETE FROM a WHERE id % 5 = 0",
      "BEGIN",
      "UPDATE a SET id = -id WHERE id < 100",
      "INSERT INTO b VALUES (2000, NULL)",
      "COMMIT",
    ]);
    expect(await run.differences()).toEqual([]);
    await run.restart();
    await server.run("TRUNCATE b");
    expect(await run.differences()).toEqual([]);
    expect(run.model.copiedRows).toBe(5000);
    await run.stop();
    await postgres.remove(run.request, never);
    await postgres.remove(run.request, never);
    const { slot } = namesOf(run.integrationId, "postgres");
    expect(await server.rows(`SELECT FROM pg_replication_slots WHERE slot_name = '${slot}'`)).toEqual([]);
    expect(await server.rows("SELECT FROM pg_publication")).toEqual([]);
  },
);
