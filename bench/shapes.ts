/** What the rows of a bench's table are like. `i` in expressions is the row's number, from 1. */
export interface Shape {
  /** How many rows a bench makes unless it is told. */
  readonly rows: number;
  readonly columns: readonly Column[];
}

interface Column {
  /** As in CREATE TABLE. */
  readonly definition: string;
  readonly value: string;
}

const id: Column = { definition: "id bigint PRIMARY KEY", value: "i" };
const at = "timestamptz '2024-01-01 00:00:00+00' + i * interval '1 second'";
const amount = "(i % 1000000)::numeric / 100";

export const shapes = {
  /** 6 columns, about 70 bytes a row on disk: numbers and a time, as of a table of facts. */
  narrow: {
    rows: 5_000_000,
    columns: [
      id,
      { definition: "customer int", value: "(i::bigint * 7919) % 1000003" },
      { definition: "quantity smallint", value: "i % 100" },
      { definition: "amount numeric(12,2)", value: amount },
      { definition: "at timestamptz", value: at },
      { definition: "paid boolean", value: "i % 2 = 0" },
    ],
  },
  /** 8 columns, about 150 bytes: one of each common type. */
  medium: {
    rows: 5_000_000,
    columns: [
      id,
      { definition: "a int", value: "(i::bigint * 7919) % 1000003" },
      { definition: "b text", value: "md5(i::text) || substr(md5((i + 1)::text), 1, 8)" },
      { definition: "c numeric(12,2)", value: amount },
      { definition: "d timestamptz", value: at },
      { definition: "e boolean", value: "i % 2 = 0" },
      { definition: "f double precision", value: "i::float8 / 7" },
      { definition: "g jsonb", value: "jsonb_build_object('k', i % 100)" },
    ],
  },
  /** 40 columns, about 1,400 bytes, of which text and jsonb are 1 kB. */
  wide: {
    rows: 1_000_000,
    columns: [
      id,
      ...columns(10, "int", (n) => `(i::bigint * ${7919 + n}) % 1000003`),
      ...columns(5, "bigint", (n) => `i::bigint * ${1_000_003 + n}`),
      ...columns(5, "numeric(12,2)", (n) => `((i + ${n}) % 1000000)::numeric / 100`),
      ...columns(4, "timestamptz", (n) => `${at} + interval '${n} hours'`),
      ...columns(2, "date", (n) => `date '2024-01-01' + i % ${1000 + n}`),
      ...columns(4, "boolean", (n) => `i % ${2 + n} = 0`),
      ...columns(3, "double precision", (n) => `i::float8 / ${7 + n}`),
      ...columns(4, "text", (n) => words(n, 5)),
      ...columns(
        2,
        "jsonb",
        (n) => `jsonb_build_object('id', i, 'name', ${words(n, 1)}, 'note', ${words(n, 4)})`,
      ),
    ],
  },
} as const satisfies Record<string, Shape>;

export type ShapeName = keyof typeof shapes;

/** Columns of one type, named after it. `value` is given their number, from 0. */
function columns(count: number, type: string, value: (number: number) => string): Column[] {
  const [name = ""] = type.split(/[ (]/);
  return Array.from({ length: count }, (_, number) => ({
    definition: `${name}_${number} ${type}`,
    value: value(number),
  }));
}

/** A text of so many times 32 characters. */
function words(number: number, times: number): string {
  return Array.from({ length: times }, (_, index) => `md5((i + ${number * times + index})::text)`).join(
    " || ",
  );
}
