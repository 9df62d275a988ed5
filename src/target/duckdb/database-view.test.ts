import { expect, test, vi } from "vitest";
import { plainRelation } from "../../../test/support/plain-tuples.ts";
import { copySteps, deltaOf, never, TestWarehouse } from "../../../test/support/test-warehouse.ts";
import { duckdb } from "./engine.ts";
import { Ledger } from "./ledger.ts";

const int = { kind: "int64" } as const;

test("a view reads the ledger once, however many tables it is asked for", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const relations = Array.from({ length: 20 }, (_, index) =>
    plainRelation({ id: String(index), name: `t${index}`, columns: { id: int }, key: ["id"] }),
  );
  const copies = relations.flatMap((relation, index) => copySteps(relation, [[index]]));
  await database.apply(deltaOf(copies, "1"), never);
  const entries = vi.spyOn(Ledger.prototype, "entries");
  try {
    await using view = await database.view();
    for (const relation of relations) expect(await view.digest(relation, never)).toMatchObject({ rows: 1 });
    expect(entries).toHaveBeenCalledTimes(1);
  } finally {
    entries.mockRestore();
  }
});
