import { expect, test } from "vitest";
import { present } from "../../base/assert.ts";
import type { ColumnChange } from "../../model/replication/column-change.ts";
import type { DeltaStep } from "../../model/replication/delta.ts";
import type { LogicalType } from "../../model/replication/logical-type.ts";
import { digestOfRows } from "../../../test/support/digest-of-rows.ts";
import {
  encoded,
  interval,
  plainColumn,
  plainRelation,
  runOf,
  type Cell,
} from "../../../test/support/plain-tuples.ts";
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

const day = 86_400_000_000n;
const last64 = 2n ** 63n - 1n;
const timetz = (microseconds: bigint, east: number) => (microseconds << 24n) | BigInt(57_599 - east);

type Value = Exclude<Cell, null | symbol>;

/** For each type: a value and how DuckDB prints it. */
const samples: readonly (readonly [LogicalType, readonly (readonly [Value, string])[]])[] = [
  [
    { kind: "boolean" },
    [
      [true, "true"],
      [false, "false"],
    ],
  ],
  [
    { kind: "int16" },
    [
      [-32_768, "-32768"],
      [32_767, "32767"],
    ],
  ],
  [
    { kind: "int32" },
    [
      [-2_147_483_648, "-2147483648"],
      [2_147_483_647, "2147483647"],
    ],
  ],
  [
    { kind: "int64" },
    [
      [-last64 - 1n, "-9223372036854775808"],
      [last64, "9223372036854775807"],
    ],
  ],
  [
    { kind: "uint32" },
    [
      [0, "0"],
      [4_294_967_295, "4294967295"],
    ],
  ],
  [
    { kind: "float32" },
    [
      [0.5, "0.5"],
      [NaN, "nan"],
      [Infinity, "inf"],
      [-Infinity, "-inf"],
      [-0, "-0.0"],
    ],
  ],
  [
    { kind: "float64" },
    [
      [0.1, "0.1"],
      [NaN, "nan"],
      [Infinity, "inf"],
      [-Infinity, "-inf"],
      [-0, "-0.0"],
      [1e300, "1e+300"],
      [5e-324, "5e-324"],
    ],
  ],
  [
    { kind: "decimal", precision: 4, scale: 0 },
    [
      [-9999n, "-9999"],
      [9999n, "9999"],
    ],
  ],
  [
    { kind: "decimal", precision: 9, scale: 9 },
    [
      [-500_000_000n, "-.500000000"],
      [1n, ".000000001"],
    ],
  ],
  [
    { kind: "decimal", precision: 18, scale: 2 },
    [
      [-(10n ** 18n) + 1n, "-9999999999999999.99"],
      [5n, "0.05"],
    ],
  ],
  [
    { kind: "decimal", precision: 38, scale: 10 },
    [
      [10n ** 38n - 1n, "9999999999999999999999999999.9999999999"],
      [-1n, "-0.0000000001"],
    ],
  ],
  [
    { kind: "text" },
    [
      ["", ""],
      ["Grüße, 世界 🦆", "Grüße, 世界 🦆"],
      ["with\0NUL", "with\0NUL"],
    ],
  ],
  [
    { kind: "json" },
    [
      ['{"b": 1,  "a":[ ] }', '{"b": 1,  "a":[ ] }'],
      ["null", "null"],
      [String.raw`"\ud800"`, String.raw`"\ud800"`],
      ["not even json", "not even json"],
    ],
  ],
  [
    { kind: "bytes" },
    [
      [Uint8Array.of(), ""],
      [Uint8Array.of(0, 255, 65), "\\x00\\xFFA"],
    ],
  ],
  [
    { kind: "uuid" },
    [
      [-(2n ** 127n), "00000000-0000-0000-0000-000000000000"],
      [2n ** 127n - 1n, "ffffffff-ffff-ffff-ffff-ffffffffffff"],
      [0x11111111222243338444555555555555n - 2n ** 127n, "11111111-2222-4333-8444-555555555555"],
    ],
  ],
  [
    { kind: "date" },
    [
      [0, "1970-01-01"],
      [-735_160, "0044-03-15 (BC)"],
      [2_147_483_647, "infinity"],
      [-2_147_483_647, "-infinity"],
      [2_147_483_646, "5881580-07-10"],
    ],
  ],
  [
    { kind: "time" },
    [
      [0n, "00:00:00"],
      [day, "24:00:00"],
      [day - 1n, "23:59:59.999999"],
    ],
  ],
  [
    { kind: "timetz" },
    [
      [timetz(0n, 0), "00:00:00+00"],
      [timetz(day, 7200), "24:00:00+02"],
      [timetz(1n, -57_599), "00:00:00.000001-15:59:59"],
    ],
  ],
  [
    { kind: "timestamp" },
    [
      [0n, "1970-01-01 00:00:00"],
      [last64, "infinity"],
      [-last64, "-infinity"],
      [-210_866_803_200_000_000n, "4714-11-24 (BC) 00:00:00"],
    ],
  ],
  [
    { kind: "timestamptz" },
    [
      [1n, "1970-01-01 00:00:00.000001+00"],
      [last64, "infinity"],
      [-last64, "-infinity"],
      [-210_866_803_200_000_000n, "4714-11-24 (BC) 00:00:00+00"],
    ],
  ],
  [
    { kind: "interval" },
    [
      [interval(14, -3, -1_000_000n), "1 year 2 months -3 days -00:00:01"],
      [interval(0, 0, 0n), "00:00:00"],
      [
        interval(-2_147_483_648, 2_147_483_647, last64),
        "-178956970 years -8 months 2147483647 days 2562047788:00:54.775807",
      ],
    ],
  ],
];

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
