import { expect, test } from "vitest";
import { TestWarehouse } from "../../../../test/support/test-warehouse.ts";
import { DuckDb } from "../instance/duck-db.ts";
import { duckdb } from "../engine.ts";
import { DuckDbWarehouse } from "../warehouse.ts";

// Lists are held in memory, whatever the limit: DuckDB cannot write them to disk while it makes them.
const hoarding =
  "SELECT sum(len(l)) FROM (SELECT i % 1000 AS g, list(i || repeat('x', 400)) AS l FROM range(3000000) r(i) GROUP BY g)";

test("a query that hoards memory is stopped before others run out of it", async () => {
  await using target = await TestWarehouse.open(duckdb);
  const hoarder = target.rows(hoarding).catch((error: unknown) => error);
  let others = 0;
  let isRunning = true;
  void hoarder.finally(() => (isRunning = false));
  while (isRunning) {
    expect(await target.rows("SELECT count(DISTINCT i) FROM range(1000) r(i)")).toEqual([["1000"]]);
    others += 1;
  }
  expect(await hoarder).toMatchObject({ code: "QUERY_MEMORY" });
  expect(others).toBeGreaterThan(1);
});

test.each([
  ["quickly", 20e6],
  ["slowly", 400e6],
])("a query that fills the temporary files %s is stopped", async (_, spillBytes) => {
  const start = (path: string) => DuckDb.open(path, { memoryBytes: 100e6, spillBytes });
  await using target = await TestWarehouse.open({
    ...duckdb,
    open: (request, signal) => DuckDbWarehouse.open({ ...request, start }, signal),
  });
  const spilling = "SELECT count(*) FROM range(1000000000000) a, range(1000000000000) b";
  await expect(target.rows(spilling)).rejects.toMatchObject({ code: "QUERY_DISK" });
  expect(await target.rows("SELECT 1")).toEqual([["1"]]);
});
