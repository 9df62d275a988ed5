import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { expect, test } from "vitest";
import { TemporaryDirectory } from "../../../../test/support/temporary.ts";
import { until } from "../../../../test/support/until.ts";
import { GiveBack } from "./give-back.ts";
import { Session } from "./session.ts";

const megabyte = 1e6;

test("what DuckDB has kept is given back when writers are quiet and nobody reads, and its limit is what it was", async () => {
  await using directory = await TemporaryDirectory.make();
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: "256MB",
    temp_directory: join(directory.path, "tmp"),
  });
  const [session, own] = [await Session.open(instance, () => {}), await Session.open(instance, () => {})];
  const used = async (): Promise<number> => {
    const [row] = await session.rows("SELECT sum(memory_usage_bytes)::DOUBLE AS bytes FROM duckdb_memory()");
    return Number(row?.["bytes"]);
  };
  let isRead = true;
  let looks = 0;
  const isReadNow = (): boolean => {
    looks += 1;
    return isRead;
  };
  const giveBack = new GiveBack({ session: own, memoryBytes: 256e6, isRead: isReadNow, everyMs: 20 });
  await session.run(`ATTACH '${join(directory.path, "a.duckdb")}' AS a`);
  await session.run("CREATE TABLE a.t AS SELECT i, repeat('x', 1000000) || i AS v FROM range(150) AS r(i)");
  giveBack.applied(150 * megabyte);
  await until("memory was not given back while somebody read", () => looks > 5);
  expect(await used()).toBeGreaterThan(100 * megabyte);
  isRead = false;
  await until("memory is given back", async () => (await used()) < 70 * megabyte);
  await giveBack.end();
  const [limit] = await session.rows("SELECT current_setting('memory_limit') AS size");
  expect(limit?.["size"]).toBe("244.1 MiB");
  const [row] = await session.rows("SELECT sum(strlen(v))::DOUBLE AS bytes FROM a.t");
  expect(Number(row?.["bytes"])).toBeGreaterThan(150 * megabyte);
  for (const one of [session, own]) one.close();
  instance.closeSync();
});
