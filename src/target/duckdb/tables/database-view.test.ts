import { expect, test, vi } from "vitest";
import { digestOfRows } from "../../../../test/support/digest-of-rows.ts";
import { plainRelation, type Cell } from "../../../../test/support/plain-tuples.ts";
import {
  copySteps,
  deltaOf,
  never,
  rowsStep,
  TestWarehouse,
  viewOf,
} from "../../../../test/support/test-warehouse.ts";
import { duckdb } from "../engine.ts";
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
    await using view = await viewOf(database);
    for (const relation of relations) expect(await view.digest(relation, never)).toMatchObject({ rows: 1 });
    expect(entries).toHaveBeenCalledTimes(1);
  } finally {
    entries.mockRestore();
  }
});

test("comparing makes no copies of large values, of which the memory holds one", async () => {
  const columns = { id: int, file: { kind: "bytes" }, ratio: { kind: "float64" } } as const;
  const relation = plainRelation({ id: "1", name: "files", columns, key: ["id"] });
  const small = Array.from({ length: 4_000 }, (_, id): Cell[] => [id, Buffer.alloc(30_000, id), 0.5]);
  const large = [-1, -2].map((id): Cell[] => [id, Buffer.alloc(90e6, id), id === -1 ? 1e30 : 0.5]);
  await using target = await TestWarehouse.open({
    ...duckdb,
    open: (request, signal) => duckdb.open({ ...request, settings: { memory: "256MB" } }, signal),
  });
  await using database = await target.database();
  await database.apply(deltaOf(copySteps(relation, small), "1"), never);
  for (const row of large)
    await database.apply(deltaOf([rowsStep(relation, { inserts: [row] })], `at ${String(row[0])}`), never);
  await using view = await viewOf(database);
  expect(await view.digest(relation, never)).toEqual(digestOfRows(relation, [...small, ...large]));
}, 120_000);
