import { expect, test } from "vitest";
import { present } from "../../base/assert.ts";
import type { ColumnChange } from "../../model/replication/column-change.ts";
import type { DeltaStep } from "../../model/replication/delta.ts";
import type { LogicalType } from "../../model/replication/logical-type.ts";
import { digestOfRows } from "../../../test/support/digest-of-rows.ts";
import { logicalSamples as samples } from "../../../test/support/logical-samples.ts";
import { encoded, plainColumn, plainRelation, runOf, type Cell } from "../../../test/support/plain-tuples.ts";
import { printedSeed, randomFrom } from "../../../test/support/random.ts";
import {
  copySteps,
  deltaOf,
  eventStep,
  never,
  rowsOf,
  rowsStep,
  TestWarehouse,
  viewOf,
} from "../../../test/support/test-warehouse.ts";
import { duckdb } from "./engine.ts";

function kindOf(index: number): string {
  return JSON.stringify(samples[index]?.[0]);
}

test.each(samples.map((_, index) => [kindOf(index), index] as const))(
  "values of type %s are held exactly",
  async (_, index) => {
    const [type, values] = present(samples[index], "the sample exists");
    await using target = await TestWarehouse.open(duckdb);
    await using database = await target.database();
    const relation = plainRelation({
      id: "1",
      name: "t",
      columns: { n: { kind: "int32" }, v: type },
      key: ["n"],
    });
    const cells = [...values.map(([value], index): Cell[] => [index, value]), [values.length, null]];
    await database.apply(deltaOf(copySteps(relation, cells), "1"), never);
    expect(await target.rows("SELECT v FROM shop.public.t ORDER BY n")).toEqual([
      ...values.map(([, text]) => [text]),
      [null],
    ]);
    await using view = await viewOf(database);
    expect(await view.digest(relation, never)).toEqual(digestOfRows(relation, cells));
  },
);

test.each(samples.map((_, index) => [kindOf(index), index] as const))(
  "an added column of type %s has each value for the rows that exist alone",
  async (_, index) => {
    const [type, values] = present(samples[index], "the sample exists");
    await using target = await TestWarehouse.open(duckdb);
    await using database = await target.database();
    let relation = plainRelation({ id: "1", name: "t", columns: { n: { kind: "int32" } }, key: ["n"] });
    const nulls: null[] = [];
    const added = (): DeltaStep => {
      const changes = values.map(([value], index): Extract<ColumnChange, { kind: "added" }> => {
        const id = relation.columns.length + index + 1;
        return { kind: "added", column: plainColumn(id, `c${id}`, type), fill: encoded(type, value) };
      });
      relation = { ...relation, columns: [...relation.columns, ...changes.map(({ column }) => column)] };
      nulls.push(...values.map(() => null));
      return eventStep({ kind: "altered", relation, changes });
    };
    await database.apply(deltaOf(copySteps(relation, [[1], [2]]), "1"), never);
    await database.apply(deltaOf([added()], "2"), never);
    const steps = [
      rowsStep(relation, { inserts: [[3, ...nulls]], deletes: [[2, ...nulls]] }),
      // After deletes in the same transaction, the rows are written again.
      added(),
      rowsStep(relation, { inserts: [[4, ...nulls]] }),
    ];
    await database.apply(deltaOf(steps, "3"), never);
    const shown = values.map(([, text]) => text);
    const rows = [
      ["1", ...shown, ...shown],
      ["3", ...shown.map(() => null), ...shown],
      ["4", ...nulls],
    ];
    expect(await target.rows("FROM shop.public.t ORDER BY n")).toEqual(rows);
    await target.afterCrash(async (found) =>
      expect(await rowsOf(found, "FROM shop.public.t ORDER BY n")).toEqual(rows),
    );
    await using view = await viewOf(database);
    const cells = values.map(([value]) => value);
    expect(await view.digest(relation, never)).toEqual(
      digestOfRows(relation, [
        [1, ...cells, ...cells],
        [3, ...cells.map(() => null), ...cells],
        [4, ...nulls],
      ]),
    );
  },
);

test("strings of every length around the border of DuckDB's headers come back, among others and alone", async () => {
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const columns = {
    id: { kind: "int32" },
    a: { kind: "text" },
    b: { kind: "bytes" },
    c: { kind: "json" },
  } as const;
  const relation = plainRelation({ id: "1", name: "t", columns, key: ["id"] });
  const text = (length: number): string => "äé".repeat(length).slice(0, length);
  const rows: Cell[][] = Array.from({ length: 120 }, (_, length) => [
    length,
    text(length),
    Buffer.from(text(length)),
    `"${text(length)}"`,
  ]);
  const large = "x".repeat(1_000_000);
  rows.push([1000, large, Buffer.from(large), `"${large}"`]);
  await database.apply(deltaOf(copySteps(relation, rows), "1"), never);
  for (const row of rows)
    await database.apply(
      deltaOf([rowsStep(relation, { deletes: [row], inserts: [row] })], `again ${String(row[0])}`),
      never,
    );
  await using view = await viewOf(database);
  expect(await view.digest(relation, never)).toEqual(digestOfRows(relation, rows));
});

test("more rows than a chunk, more columns than a word has bits, NULLs anywhere, tuples scattered in their region", async () => {
  const random = randomFrom(printedSeed());
  await using target = await TestWarehouse.open(duckdb);
  await using database = await target.database();
  const kinds = samples.map(([type]) => type);
  const columns = Object.fromEntries(
    Array.from({ length: 80 }, (_, index) => [`c${index}`, kinds[index % kinds.length] ?? kinds[0]]),
  ) as Record<string, LogicalType>;
  const relation = plainRelation({ id: "1", name: "t", columns });
  const rows = Array.from({ length: 5000 }, () =>
    relation.columns.map((_, index): Cell => {
      const values = samples[index % samples.length]?.[1] ?? [];
      const value = values[Math.floor(random() * values.length)]?.[0] ?? null;
      return random() < 0.3 ? null : value;
    }),
  );
  await database.apply(deltaOf(copySteps(relation, []), "1"), never);
  const inserts = [0, 300, 20_000, 0].map((gap, part) =>
    runOf(relation, rows.slice(part * 1250, part * 1250 + 1250), gap),
  );
  await database.apply(deltaOf([{ ...rowsStep(relation, {}), inserts }], "2"), never);
  await using view = await viewOf(database);
  expect(await view.digest(relation, never)).toEqual(digestOfRows(relation, rows));
});
