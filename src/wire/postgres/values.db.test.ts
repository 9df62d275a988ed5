import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  canonicalRows,
  copiedRows,
  readCodecs,
  readColumns,
  sessionSettings,
  streamedInserts,
  streamedRows,
  type StreamedInserts,
} from "../../../test/support/pg-read.ts";
import type { Sample } from "../../../test/support/pg-sample.ts";
import { sampleSetup, samples } from "../../../test/support/pg-samples.ts";
import { TestPostgres, type PostgresVersion } from "../../../test/support/postgres.ts";

/** Values that PostgreSQL holds and no logical type can: the rule that the error states. */
const refused: readonly { type: string; value: string; rule: RegExp; from?: number }[] = [
  { type: "numeric(5,2)", value: "'NaN'", rule: /NaN does not fit/ },
  { type: "numeric(30,2)", value: "'NaN'", rule: /NaN does not fit/ },
  { type: "timestamp", value: "'294247-01-10 04:00:54.775807'", rule: /timestamp after 294247-01-10/ },
  { type: "timestamptz", value: "'294276-12-31 23:59:59.999999+00'", rule: /timestamp after 294247-01-10/ },
  { type: "interval", value: "'infinity'", rule: /infinite interval/, from: 18 },
  { type: "interval", value: "'-infinity'", rule: /infinite interval/, from: 18 },
  { type: "lists", value: "ROW('[2:3]={1,2}')", rule: /begins at another index than 1/ },
];

/** Types that would end the stream, or whose bytes nobody here knows. */
const unsupported = ["aclitem[]", "with_acl", "with_acl[]", "money[]", "regclass[]", "cube", "cube[]"];

/** Types that the warehouse has in another notation than PostgreSQL prints: as JSON, as a number. */
const keptOtherwise =
  /\[\]$|^(pair|pair_domain|deep|cast_parts|nothing|words|hstore|money|regclass|regtype|int2vector|oidvector)$/;

const setup = [...sampleSetup, "CREATE TYPE lists AS (list int[])"];

function tableOf(sample: Sample): string {
  return `sample_${samples.indexOf(sample)}`;
}

async function fill(client: pg.Client, wanted: readonly Sample[]): Promise<StreamedInserts> {
  for (const statement of [...sessionSettings, ...setup]) await client.query(statement);
  for (const sample of wanted)
    await client.query(`CREATE TABLE ${tableOf(sample)} (id int PRIMARY KEY, v ${sample.type})`);
  await client.query("CREATE PUBLICATION p FOR ALL TABLES");
  await client.query("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
  for (const sample of wanted) {
    const rows = [...sample.values, "NULL"].map((value, id) => `(${id}, (${value})::${sample.type})`);
    await client.query(`INSERT INTO ${tableOf(sample)} VALUES ${rows.join(", ")}`);
  }
  return streamedInserts(client, "s", "p");
}

describe.each([14, 16, 18] as PostgresVersion[])("PostgreSQL %i", (version) => {
  const here = samples.filter((sample) => version >= (sample.from ?? 14));
  let server: TestPostgres;
  let client: pg.Client;
  let inserts: StreamedInserts;

  beforeAll(async () => {
    server = await TestPostgres.start({ version });
    client = await server.connect();
    inserts = await fill(client, here);
  });
  afterAll(async () => {
    await client.end();
    await server[Symbol.asyncDispose]();
  });

  test.each(here)("copies and streams $type as the server has it", async (sample) => {
    const table = tableOf(sample);
    const expected = await canonicalRows(client, table);
    expect(await copiedRows(client, table)).toEqual(expected);
    expect(await streamedRows(client, table, inserts)).toEqual(expected);
    const [, column] = await readCodecs(client, table);
    expect(column?.codec.type.kind).toBe(sample.kind);
    expect(column?.codec.sourceType).toBe(sample.sourceType ?? sample.type);
    expect(expected.at(-1)?.[1]).toBeNull();
    if (sample.texts !== undefined)
      expect(expected.slice(0, -1).map(([, text]) => text)).toEqual(sample.texts);
  });

  const plainKinds = ["text", "json", "decimal", "uint32", "int16", "int32", "int64", "uuid"];
  test.each(
    here.filter(
      ({ type, kind }) => plainKinds.includes(kind) && !keptOtherwise.test(type) && type !== '"char"',
    ),
  )("keeps $type as the server prints it", async (sample) => {
    const { rows } = await client.query<{ text: string }>(
      `SELECT concat(v) AS text FROM ${tableOf(sample)} WHERE v IS NOT NULL ORDER BY id`,
    );
    const kept = (await canonicalRows(client, tableOf(sample))).filter(([, text]) => text !== null);
    expect(rows.map(({ text }) => text)).toEqual(kept.map(([, text]) => text));
  });

  test.each(refused.filter(({ from }) => version >= (from ?? 14)))(
    "fails for $value in $type instead of changing it",
    async ({ type, value, rule }) => {
      await client.query("DROP TABLE IF EXISTS refused");
      await client.query(`CREATE TABLE refused AS SELECT (${value})::${type} AS v`);
      await expect(copiedRows(client, "refused")).rejects.toThrow(rule);
      await expect(copiedRows(client, "refused")).rejects.toHaveProperty("name", "ValueError");
    },
  );

  test.each(unsupported)("says why %s cannot be replicated", async (type) => {
    await client.query("DROP TABLE IF EXISTS stranger");
    await client.query(`CREATE TABLE stranger (v ${type})`);
    const [column] = await readColumns(client, "stranger");
    expect(column?.codec).toHaveProperty("unsupported", expect.stringMatching(/cannot send|know/));
  });
});
