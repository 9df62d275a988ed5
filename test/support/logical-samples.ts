import type { LogicalType } from "../../src/model/replication/logical-type.ts";
import { interval, type Cell } from "./plain-tuples.ts";

const day = 86_400_000_000n;
const last64 = 2n ** 63n - 1n;
const timetz = (microseconds: bigint, east: number) => (microseconds << 24n) | BigInt(57_599 - east);

type Value = Exclude<Cell, null | symbol>;

/** For each logical type: values and how DuckDB prints them. */
export const logicalSamples: readonly (readonly [LogicalType, readonly (readonly [Value, string])[]])[] = [
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
