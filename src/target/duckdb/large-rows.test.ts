import { expect, test } from "vitest";
import type { RowsStep } from "../../model/replication/delta.ts";
import type { Relation } from "../../model/replication/relation.ts";
import { SuspectError, TableError } from "../../model/replication/table-error.ts";
import { digestOfRows } from "../../../test/support/digest-of-rows.ts";
import { plainRelation, unchanged, type Cell } from "../../../test/support/plain-tuples.ts";
import {
  copySteps,
  deltaOf,
  eventStep,
  moveOf,
  never,
  patchOf,
  rowsOf,
  rowsStep,
  TestWarehouse,
  viewOf,
} from "../../../test/support/test-warehouse.ts";
import type { TargetEngine } from "../target.ts";
import { DuckDb } from "./instance/duck-db.ts";
import { duckdb } from "./engine.ts";
import { DuckDbWarehouse } from "./warehouse.ts";

const memoryBytes = 256e6;
const small: TargetEngine = {
  ...duckdb,
  open: (request, signal) => DuckDbWarehouse.open({ ...request, memoryBytes }, signal),
};
const columns = { id: { kind: "int64" }, body: { kind: "text" }, views: { kind: "int64" } } as const;
const documents = plainRelation({ id: "1", name: "documents", columns, key: ["id"] });
const megabyte = 1e6;

function body(id: number, bytes = megabyte): string {
  return `${id} `.padEnd(bytes, "0123456789abcdef");
}

function inserts(relation: Relation, from: number, to: number): RowsStep {
  const rows = Array.from({ length: to - from }, (_, index) => [from + index, body(from + index), 0]);
  return rowsStep(relation, { inserts: rows });
}

const summary = `SELECT count(*), sum(strlen(body)), count(*) FILTER (starts_with(body, id || ' ')) FROM shop.public.documents`;

test("a copy and a transaction that are larger than the memory arrive, are read, compared and survive a crash", async () => {
  await using target = await TestWarehouse.open(small);
  await using database = await target.database();
  await database.apply(deltaOf([eventStep({ kind: "copy-started", relation: documents })], "0"), never);
  for (let id = 0; id < 300; id += 20)
    await database.apply(deltaOf([inserts(documents, id, id + 20)], id === 280 ? "1" : undefined), never);
  const [, , finished, revealed] = copySteps(documents, []);
  if (finished === undefined || revealed === undefined) throw new Error("a copy ends with two events");
  await database.apply(deltaOf([finished, revealed], "2"), never);
  expect(await target.rows(summary)).toEqual([["300", "300000000", "300"]]);
  for (let id = 300; id < 600; id += 20)
    await database.apply(deltaOf([inserts(documents, id, id + 20)]), never);
  const ids = Array.from({ length: 500 }, (_, index) => index);
  await database.apply(
    deltaOf([rowsStep(documents, { deletes: ids.map((id) => [id, null, null]) })], "3"),
    never,
  );
  expect(await target.rows(summary)).toEqual([["100", "100000000", "100"]]);
  const rows = Array.from({ length: 100 }, (_, index) => [500 + index, body(500 + index), 0]);
  await using view = await viewOf(database);
  expect(await view.digest(documents, never)).toEqual(digestOfRows(documents, rows));
  await target.afterCrash(async (warehouse) =>
    expect(await rowsOf(warehouse, summary)).toEqual([["100", "100000000", "100"]]),
  );
}, 300_000);

test("a large row keeps what was not sent, whatever else of it changes", async () => {
  await using target = await TestWarehouse.open(small);
  await using database = await target.database();
  const two = plainRelation({
    id: "1",
    name: "documents",
    columns: { id: { kind: "int64" }, body: { kind: "text" }, other: { kind: "text" } },
    key: ["id"],
  });
  const rows: Cell[][] = Array.from({ length: 60 }, (_, id) => [id, body(id), "small"]);
  await database.apply(deltaOf(copySteps(two, [...rows, [60, "small", "small"]]), "1"), never);
  const moves = Array.from({ length: 61 }, (_, id) => ({
    key: [id, null, null],
    row: [id + 100, unchanged, id === 60 ? body(60) : "changed"] as const,
  }));
  const moved = { deletes: moves.map(({ key }) => key), moves: [moveOf(two, moves)] };
  await database.apply(deltaOf([rowsStep(two, moved)], "2"), never);
  expect(
    await target.rows(
      `SELECT count(*), min(id), max(id), count(*) FILTER (starts_with(body, (id - 100) || ' ') AND other = 'changed'),
         sum(strlen(body)), sum(strlen(other)) FROM shop.public.documents`,
    ),
  ).toEqual([["61", "100", "160", "60", "60000005", String(60 * 7 + megabyte)]]);
}, 120_000);

test("rows that keep their keys keep what was not sent, whether they get a large value or not", async () => {
  await using target = await TestWarehouse.open(small);
  await using database = await target.database();
  const two = plainRelation({
    id: "1",
    name: "documents",
    columns: { id: { kind: "int64" }, body: { kind: "text" }, other: { kind: "text" } },
    key: ["id"],
  });
  const rows = Array.from({ length: 20 }, (_, id) => [id, id % 2 === 0 ? body(id) : `${id} small`, "small"]);
  await database.apply(deltaOf(copySteps(two, rows), "1"), never);
  const sent = rows.map(([id = 0]): Cell[] => [id, unchanged, Number(id) % 3 === 0 ? body(0) : "changed"]);
  // The last row takes the key of a deleted one meanwhile.
  const moves = [moveOf(two, [{ key: [19, null, null], row: [18, unchanged, "moved"] }])];
  const deletes = [18, 19].map((id) => [id, null, null]);
  const step = rowsStep(two, { deletes, patches: [patchOf(two, sent.slice(0, 18))], moves });
  await database.apply(deltaOf([step], "2"), never);
  expect(
    await target.rows(
      `SELECT count(*), count(DISTINCT id), count(*) FILTER (starts_with(body, id || ' ')), sum(strlen(body)),
         count(*) FILTER (other = 'changed'), count(*) FILTER (strlen(other) = ${megabyte} AND id % 3 = 0)
       FROM shop.public.documents WHERE id < 18`,
    ),
  ).toEqual([["18", "18", "18", String(9 * megabyte + 5 * 7 + 4 * 8), "12", "6"]]);
  expect(await target.rows("SELECT body, other FROM shop.public.documents WHERE id >= 18")).toEqual([
    ["19 small", "moved"],
  ]);
}, 120_000);

test("a row that the memory cannot hold fails its table with its size, and leaves everything as it was", async () => {
  await using target = await TestWarehouse.open(small);
  await using database = await target.database();
  await database.apply(deltaOf(copySteps(documents, [[1, "one", 0]]), "1"), never);
  const large = rowsStep(documents, { inserts: [[2, body(2, 110e6), 0]] });
  const failure: unknown = await database
    .apply(deltaOf([large], "2"), never)
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(TableError);
  expect(failure).toMatchObject({
    code: "ROW_TOO_LARGE",
    table: { id: "1" },
    message:
      "A row has 104.9 MiB, and the warehouse can store rows of up to 97.7 MiB, two fifths of its memory.",
  });
  expect(await target.rows("SELECT id FROM shop.public.documents")).toEqual([["1"]]);
  const largest = rowsStep(documents, { inserts: [[2, body(2, 102e6), 0]] });
  await database.apply(deltaOf([largest], "2"), never);
  expect(await target.rows("SELECT id, strlen(body) FROM shop.public.documents ORDER BY id")).toEqual([
    ["1", "3"],
    ["2", "102000000"],
  ]);
}, 120_000);

test("where the memory is not enough, the error names the setting and the table that was written most", async () => {
  const rowSizes = { largeBytes: Infinity, groupBytes: Infinity, groupRows: 0, rowBytesMax: Infinity };
  const dense: TargetEngine = {
    ...duckdb,
    open: (request, signal) => {
      const start = (path: string) => DuckDb.open(path, { rowSizes, memoryBytes });
      return DuckDbWarehouse.open({ ...request, start }, signal);
    },
  };
  await using target = await TestWarehouse.open(dense);
  await using database = await target.database();
  const other = plainRelation({ id: "2", name: "other", columns, key: ["id"] });
  await database.apply(
    deltaOf([...copySteps(documents, []), ...copySteps(other, [[1, "one", 0]])], "0"),
    never,
  );
  const fill = async (): Promise<void> => {
    await database.apply(deltaOf([rowsStep(other, { inserts: [[2, "two", 0]] })]), never);
    for (let id = 0; id < 300; id += 20)
      await database.apply(deltaOf([inserts(documents, id, id + 20)]), never);
    await database.apply(deltaOf([], "1"), never);
  };
  const failure: unknown = await fill().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(SuspectError);
  expect(failure).toMatchObject({ code: "TARGET_OUT_OF_MEMORY", table: { id: "1" } });
  expect(database.progress().checkpoint).toBe("0");
}, 120_000);
