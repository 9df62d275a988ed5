import { expect, test, vi } from "vitest";
import { plainRelation } from "../../../test/support/plain-tuples.ts";
import { copySteps, deltaOf, never, rowsStep, TestWarehouse } from "../../../test/support/test-warehouse.ts";
import { duckdb } from "./engine.ts";
import { Session } from "./session.ts";

test("statements for hundreds of tables stay prepared from batch to batch", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const relations = Array.from({ length: 250 }, (_, index) =>
    plainRelation({ id: String(index), name: `t${index}`, columns: { id: { kind: "int64" } }, key: ["id"] }),
  );
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
