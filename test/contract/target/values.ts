import { expect, test } from "vitest";
import type { LogicalType } from "../../../src/model/replication/logical-type.ts";
import type { ColumnChange } from "../../../src/model/replication/column-change.ts";
import type { Relation } from "../../../src/model/replication/relation.ts";
import type { DestinationDatabase, TargetEngine } from "../../../src/target/target.ts";
import { digestOfRows } from "../../support/digest-of-rows.ts";
import {
  encoded,
  interval,
  plainColumn,
  plainRelation,
  unchanged,
  type Cell,
} from "../../support/plain-tuples.ts";
import {
  copySteps,
  deltaOf,
  eventStep,
  moveOf,
  never,
  patchOf,
  rowsStep,
  TestWarehouse,
} from "../../support/test-warehouse.ts";
import { contents } from "./samples.ts";

const day = 86_400_000_000n;
const last64 = 2n ** 63n - 1n;
const timetz = (microseconds: bigint, east: number) => (microseconds << 24n) | BigInt(57_599 - east);

type Value = Exclude<Cell, null | symbol>;

/** Values at the borders of each logical type. */
const valuesByType: readonly (readonly [LogicalType, readonly Value[]])[] = [
  [{ kind: "boolean" }, [true, false]],
  [{ kind: "int16" }, [-32_768, 0, 32_767]],
  [{ kind: "int32" }, [-2_147_483_648, 2_147_483_647]],
  [{ kind: "int64" }, [-last64 - 1n, last64]],
  [{ kind: "uint32" }, [0, 4_294_967_295]],
  [{ kind: "float32" }, [0, -0, 0.5, NaN, Infinity, -Infinity]],
  [{ kind: "float64" }, [0, -0, 0.1, NaN, Infinity, -Infinity, 1e300, 5e-324]],
  [{ kind: "decimal", precision: 4, scale: 0 }, [-9999n, 9999n]],
  [{ kind: "decimal", precision: 9, scale: 9 }, [-500_000_000n, 1n]],
  [{ kind: "decimal", precision: 18, scale: 2 }, [1n - 10n ** 18n, 5n]],
  [{ kind: "decimal", precision: 38, scale: 10 }, [10n ** 38n - 1n, -1n]],
  [{ kind: "text" }, ["", "Grüße, 世界 🦆", "with\0NUL", 'quotes " and \\ and\nlines', "x".repeat(3000)]],
  [{ kind: "json" }, ['{"b": 1,  "a":[ ] }', "null", String.raw`"\ud800"`, "not even json"]],
  [{ kind: "bytes" }, [Uint8Array.of(), Uint8Array.of(0, 255, 65), Buffer.alloc(3000, 7)]],
  [{ kind: "uuid" }, [-(2n ** 127n), 2n ** 127n - 1n, 0x11111111222243338444555555555555n - 2n ** 127n]],
  [{ kind: "date" }, [0, -735_160, 2_147_483_647, -2_147_483_647, 2_147_483_646]],
  [{ kind: "time" }, [0n, day, day - 1n]],
  [{ kind: "timetz" }, [timetz(0n, 0), timetz(day, 7200), timetz(1n, -57_599)]],
  [{ kind: "timestamp" }, [0n, last64, -last64, -210_866_803_200_000_000n]],
  [{ kind: "timestamptz" }, [1n, last64, -last64, -210_866_803_200_000_000n]],
  [
    { kind: "interval" },
    [interval(14, -3, -1_000_000n), interval(0, 0, 0n), interval(-(2 ** 31), 7, last64)],
  ],
];

const cases = valuesByType.map(([type, values]) => [JSON.stringify(type), type, values] as const);

/** The values of every logical type, exactly, with NULL. */
export function valuesContract(engine: TargetEngine): void {
  test.each(cases)("values of type %s are held exactly", async (_, type, values) => {
    const columns = { n: { kind: "int32" }, v: type } as const;
    const relation = plainRelation({ id: "1", name: "t", columns, key: ["n"] });
    const rows = [...values, null].map((value, index): Cell[] => [index, value]);
    await using target = await TestWarehouse.open(engine);
    {
      await using database = await target.database();
      await database.apply(deltaOf(copySteps(relation, rows), "1"), never);
      await expectHeld({ target, database }, relation, rows);
    }
    await target.reopen();
    await using database = await target.database();
    await expectHeld({ target, database }, relation, rows);
    const [first = [], ...others] = rows;
    await database.apply(deltaOf([rowsStep(relation, { deletes: [first] })], "2"), never);
    await expectHeld({ target, database }, relation, others);
  });

  test.each([
    ["zeros alone", []],
    ["zeros and one other number", [0.5]],
    ["zeros, NULL and NaN", [null, NaN]],
  ])("the signs of zeros are held: %s", async (_, others) => {
    const float = { kind: "float64" } as const;
    const columns = { n: { kind: "int32" }, v: float, w: { kind: "float32" }, x: float } as const;
    const relation = plainRelation({ id: "1", name: "t", columns, key: ["n"] });
    const zero = (n: number): number => (n % 2 === 0 ? 0 : -0);
    const row = (n: number): Cell[] => [n, zero(n), zero(Math.floor(n / 3)), 0];
    const rows = Array.from({ length: 1001 }, (_none, n) => row(n));
    for (const other of others) rows.push([rows.length, other, other, other]);
    await using target = await TestWarehouse.open(engine);
    {
      await using database = await target.database();
      await database.apply(deltaOf(copySteps(relation, rows), "1"), never);
    }
    await target.reopen();
    {
      await using database = await target.database();
      await expectSigns({ target, database }, relation, rows);
      const patches = [patchOf(relation, [[0, -0, unchanged, unchanged]])];
      const moved: Cell[] = [2000, unchanged, unchanged, unchanged];
      const key: Cell[] = [1, null, null, null];
      const moves = [moveOf(relation, [{ key, row: moved }])];
      const step = rowsStep(relation, { deletes: [key], patches, moves, inserts: [row(3001)] });
      await database.apply(deltaOf([step], "2"), never);
    }
    await target.reopen();
    const changed = [...rows.slice(2), [0, -0, 0, 0], [2000, -0, 0, 0], row(3001)];
    await using database = await target.database();
    await expectSigns({ target, database }, relation, changed);
  });

  test.each(cases)("rows without a key are found by values of type %s", async (_, type, values) => {
    const relation = plainRelation({ id: "1", name: "t", columns: { v: type } });
    const rows = [...values, null].map((value): Cell[] => [value]);
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    await database.apply(deltaOf(copySteps(relation, [...rows, ...rows]), "1"), never);
    await database.apply(deltaOf([rowsStep(relation, { deletes: rows })], "2"), never);
    await expectHeld({ target, database }, relation, rows);
  });

  test.each(cases)(
    "an added column of type %s has its value in the rows that exist",
    async (_, type, values) => {
      let relation = plainRelation({ id: "1", name: "t", columns: { n: { kind: "int32" } }, key: ["n"] });
      await using target = await TestWarehouse.open(engine);
      await using database = await target.database();
      await database.apply(deltaOf(copySteps(relation, [[1]]), "1"), never);
      const changes = values.map((value, index): Extract<ColumnChange, { kind: "added" }> => {
        const column = plainColumn(index + 2, `c${index}`, type);
        return { kind: "added", column, fill: encoded(type, value) };
      });
      relation = { ...relation, columns: [...relation.columns, ...changes.map(({ column }) => column)] };
      const later: Cell[] = [2, ...values.map(() => null)];
      const steps = [
        eventStep({ kind: "altered", relation, changes }),
        rowsStep(relation, { inserts: [later] }),
      ];
      await database.apply(deltaOf(steps, "2"), never);
      await expectHeld({ target, database }, relation, [[1, ...values], later]);
    },
  );
}

interface Held {
  readonly target: TestWarehouse;
  readonly database: DestinationDatabase;
}

/** By the engine's own digest; without one, by which values are NULL and which are different. */
async function expectHeld(held: Held, relation: Relation, rows: readonly Cell[][]): Promise<void> {
  if (held.database.view !== undefined) {
    await using view = await held.database.view();
    expect(await view.digest(relation, never)).toEqual(digestOfRows(relation, rows));
  }
  const found = (await contents(held.target, relation)) ?? [];
  const nulls = (row: readonly unknown[]): number => row.filter((value) => value === null).length;
  const read = found.map((row) => JSON.parse(row) as unknown[]);
  const ascending = (a: number, b: number): number => a - b;
  expect(read.map(nulls).toSorted(ascending)).toEqual(rows.map(nulls).toSorted(ascending));
  expect(new Set(found).size).toBe(rows.length);
}

/** Also that readers see different zeros: how often each combination of the values after the key occurs. */
async function expectSigns(held: Held, relation: Relation, rows: readonly Cell[][]): Promise<void> {
  await expectHeld(held, relation, rows);
  const found = (await contents(held.target, relation)) ?? [];
  const read = found.map((row) => (JSON.parse(row) as unknown[]).slice(1));
  const given = rows.map((row) => row.slice(1).map((value) => (Object.is(value, -0) ? "-0" : String(value))));
  expect(occurrences(read)).toEqual(occurrences(given));
}

function occurrences(rows: readonly unknown[][]): number[] {
  const counts = new Map<string, number>();
  for (const row of rows.map((values) => JSON.stringify(values))) counts.set(row, (counts.get(row) ?? 0) + 1);
  return [...counts.values()].toSorted((a, b) => a - b);
}
