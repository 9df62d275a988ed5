import type pg from "pg";
import { expect, test } from "vitest";
import {
  canonicalRows,
  copiedRows,
  sessionSettings,
  streamedInserts,
  streamedRows,
} from "../../../test/support/pg-read.ts";
import { TestPostgres, type PostgresVersion } from "../../../test/support/postgres.ts";

/** Random numbers of very different sizes, made by PostgreSQL. */
const sized = (digits: number): string => `((random() - 0.5) * 10 ^ (random() * ${digits}))`;
const exact = (digits: number, scale: number): string =>
  `(${sized((digits - scale) / 2)}::numeric * ${sized((digits - scale) / 2)}::numeric)::numeric(${digits},${scale})`;
const letters = "substr(E'aä\"\\\\{}(),[]; \\n\\t😀nullNULL', (random() * 24)::int, (random() * 5)::int)";
const day = `(DATE '2000-01-01' + ${sized(6)}::int)`;
const instant = `(TIMESTAMP '2000-01-01' + ${sized(8)} * INTERVAL '1 minute')`;
const span = `(make_interval(months => ${sized(5)}::int, days => ${sized(6)}::int) + ${sized(9)} * INTERVAL '1 second')`;

const columns: Readonly<Record<string, string>> = {
  int2: `${sized(4)}::int2`,
  int4: `${sized(9)}::int4`,
  int8: `${sized(18)}::int8`,
  "numeric(5,1)": exact(5, 1),
  "numeric(10,3)": exact(10, 3),
  "numeric(14,4)": exact(14, 4),
  "numeric(17,6)": exact(17, 6),
  "numeric(38,12)": exact(38, 12),
  numeric: `${exact(30, 20)} * ${sized(30)}::numeric`,
  float4: `${sized(30)}::float4`,
  float8: `${sized(200)}`,
  bool: "random() < 0.5",
  text: letters,
  date: day,
  time: "(random() * INTERVAL '24 hours')::time",
  timetz:
    "((random() * INTERVAL '24 hours')::time::text || (ARRAY['+00', '-05:30', '+01:02:03'])[(random() * 2)::int + 1])::timetz",
  timestamp: instant,
  timestamptz: `${instant}::timestamptz`,
  interval: span,
  uuid: "gen_random_uuid()",
  bytea: "decode(md5(random()::text), 'hex')",
  jsonb: `jsonb_build_object(${letters}, ${letters}, 'n', ${exact(20, 5)})`,
  inet: "('0.0.0.0'::inet + (random() * 4e9)::bigint)",
  varbit: `${sized(18)}::int8::bit(64)::varbit`,
  "text[]": `ARRAY[${letters}, NULL, ${letters}]`,
  "float4[]": `ARRAY[${sized(30)}::float4, ${sized(6)}::float4]`,
  "float8[]": `ARRAY[${sized(300)}, ${sized(16)}]`,
  "numeric[]": `ARRAY[[${exact(20, 4)}], [${exact(9, 0)}]]`,
  "timestamptz[]": `ARRAY[${instant}::timestamptz, ${instant}::timestamptz]`,
  "interval[]": `ARRAY[${span}, ${span}]`,
  part: `ROW(${sized(9)}::int4, ${letters}, ARRAY[${letters}], ${span})::part`,
  "part[]": `array_fill(ROW(${sized(9)}::int4, ${letters}, ARRAY[${letters}], NULL)::part, '{2}', ARRAY[(random() * 3)::int])`,
  tstzrange: `tstzrange(least(${instant}, '2000-01-01'), greatest(${instant}, '2000-01-01'))`,
  textrange: `textrange(least(a, b), greatest(a, b))`,
};

const rowsPerVersion = 2500;

async function fill(client: pg.Client, seed: number): Promise<void> {
  for (const statement of sessionSettings) await client.query(statement);
  await client.query("CREATE TYPE part AS (n int, t text, ts text[], i interval)");
  await client.query(`CREATE TYPE textrange AS RANGE (subtype = text, collation = "C")`);
  const names = Object.keys(columns).map((type, index) => `c${index} ${type}`);
  await client.query(`CREATE TABLE randoms (id int PRIMARY KEY, ${names.join(", ")})`);
  await client.query("CREATE PUBLICATION p FOR ALL TABLES");
  await client.query("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
  await client.query("SELECT setseed($1)", [seed]);
  // A value in twenty is NULL.
  const values = Object.values(columns).map((value) => `CASE WHEN random() > 0.05 THEN ${value} END`);
  await client.query(
    `INSERT INTO randoms SELECT n, ${values.join(", ")}
     FROM generate_series(1, ${rowsPerVersion}) AS n,
     LATERAL (SELECT ${letters} || n AS a, ${letters} || n AS b) AS words`,
  );
}

test.each([14, 16, 18] as PostgresVersion[])(
  "random values on PostgreSQL %i are the same copied, streamed and computed by the server",
  async (version) => {
    const seed = Math.random();
    await using server = await TestPostgres.start({ version });
    const client = await server.connect();
    try {
      await fill(client, seed);
      const expected = await canonicalRows(client, "randoms");
      expect(expected).toHaveLength(rowsPerVersion);
      expect(await copiedRows(client, "randoms"), `setseed(${seed})`).toEqual(expected);
      const inserts = await streamedInserts(client, "s", "p");
      expect(await streamedRows(client, "randoms", inserts), `setseed(${seed})`).toEqual(expected);
    } finally {
      await client.end();
    }
  },
);
