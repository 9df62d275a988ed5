import { expect, test, vi } from "vitest";
import type { Relation } from "../../model/replication/relation.ts";
import { plainRelation } from "../../../test/support/plain-tuples.ts";
import { copySteps, deltaOf, never, rowsStep, TestWarehouse } from "../../../test/support/test-warehouse.ts";
import type { TargetEngine } from "../target.ts";
import { duckdb } from "./engine.ts";
import { DuckDbWarehouse } from "./warehouse.ts";
import { Session } from "./instance/session.ts";

function tablesFrom(first: number, count: number): Relation[] {
  return Array.from({ length: count }, (_, index) =>
    plainRelation({
      id: String(first + index),
      name: `t${first + index}`,
      columns: { id: { kind: "int64" } },
      key: ["id"],
    }),
  );
}

test("statements for hundreds of tables stay prepared from batch to batch", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const relations = tablesFrom(0, 250);
  await database.apply(
    deltaOf(
      relations.flatMap((relation) => copySteps(relation, [[1]])),
      "1",
    ),
    never,
  );
  const batch = (row: number) =>
    relations.map((relation) => rowsStep(relation, { deletes: [[row]], inserts: [[row + 1]] }));
  await database.apply(deltaOf(batch(1), "2"), never);
  const prepare = vi.spyOn(Session.prototype, "prepare");
  try {
    await database.apply(deltaOf(batch(2), "3"), never);
    expect(prepare).not.toHaveBeenCalled();
  } finally {
    prepare.mockRestore();
  }
  expect(await target.rows("FROM shop.public.t249")).toEqual([["3"]]);
});

test("more tables than the memory has room for the ends of are copied, beside a reader at times", async () => {
  const small: TargetEngine = {
    ...duckdb,
    open: (request, signal) => DuckDbWarehouse.open({ ...request, memoryBytes: 50e6 }, signal),
  };
  await using target = await TestWarehouse.open(small);
  await using database = await target.database();
  const [count, perBatch] = [3_000, 100];
  let isReading = false;
  let reader: AsyncIterator<unknown> | undefined;
  for (let first = 0; first < count; first += perBatch) {
    if (first === 1_000) {
      const { rows } = await target.warehouse.query("FROM shop.public.t0, range(1000000)", never);
      reader = rows[Symbol.asyncIterator]();
      isReading = (await reader.next()).done !== true;
    }
    if (first === 1_300) await reader?.return?.();
    const steps = tablesFrom(first, perBatch).flatMap((relation) => copySteps(relation, [[1], [2]]));
    await database.apply(deltaOf(steps, String(first)), never);
  }
  expect(isReading).toBe(true);
  const measures = await database.tables();
  expect(measures.filter(({ record, rows }) => record.phase.kind === "synced" && rows === 2)).toHaveLength(
    count,
  );
});
