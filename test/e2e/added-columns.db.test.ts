import { expect, test, vi } from "vitest";
import { addedColumns } from "../support/added-columns.ts";
import { sampleSetup } from "../support/pg-samples.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ServiceProcess, type OperatorIntegration } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { until } from "../support/until.ts";

// A server, and a service in a process of its own.
vi.setConfig({ testTimeout: 300_000 });

test("the warehouse has the default of a new column of any type in existing rows, without a new copy", async () => {
  const all = addedColumns(18);
  await using server = await TestPostgres.start();
  await using directory = await TemporaryDirectory.make();
  await server.run("CREATE DATABASE shop");
  await server.run([...sampleSetup, ...all.flatMap(({ create }) => create)], "shop");
  await using service = await ServiceProcess.start({ directory: directory.path, sourceUrl: server.url() });
  await service.create("include: shop.*.*");
  await service.status("active");
  await server.run(
    all.map(({ alter }) => alter),
    "shop",
  );
  await until("the new columns", async () => {
    const [altered] = await service.query(
      "SELECT count(DISTINCT table_name) FROM duckdb_columns() WHERE database_name = 'shop' AND column_name = 'c0'",
    );
    return altered?.[0] === String(all.length);
  });
  const compared = (await service.verify()).filter((line) => "result" in line);
  expect(compared).toHaveLength(all.length);
  expect(compared.filter(({ result }) => result !== "equal")).toEqual([]);
  const rewritten = all.filter(({ isRewritten }) => isRewritten);
  expect(copiedRows(await service.integrations())).toBe(all.length + rewritten.length);
});

function copiedRows(integrations: readonly OperatorIntegration[]): number {
  return integrations.flatMap(({ streams }) => streams).reduce((sum, stream) => sum + stream.copiedRows, 0);
}
