import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { copyOut, copyTupleOffsets } from "../../test/support/pg-copy-out.ts";
import { decodedRows } from "../../test/support/pg-decoded.ts";
import { TestPostgres, type PostgresVersion } from "../../test/support/postgres.ts";
import { message, locateInsert, readRelation, type RowPlace } from "./pg-stream.ts";
import { copyTuple, pgoutputTuple } from "./pg-tuple.ts";
import { moneyScaleSql, pgTypesFrom, pgTypesSql, type PgType, type PgTypes } from "./pg-type-query.ts";
import { codecFor, type ColumnCodec } from "./pg-type.ts";
import { sampleSetup, samples, type Sample } from "../../test/support/pg-samples.ts";

const sessionSettings = [
  "SET TimeZone = 'UTC'",
  "SET DateStyle = 'ISO'",
  "SET IntervalStyle = 'postgres'",
  "SET extra_float_digits = 1",
  "SET bytea_output = 'hex'",
  "SET client_encoding = 'UTF8'",
];

interface Read {
  readonly codec: ColumnCodec;
  /** What PostgreSQL computes. */
  readonly expected: readonly (string | null)[];
  readonly copied: readonly (string | null)[];
  readonly streamed: readonly (string | null)[];
}

/** A server with a table for each sample, its rows read in every way. */
class SampleServer implements AsyncDisposable {
  readonly #server: TestPostgres;
  readonly #client: pg.Client;
  #types: PgTypes = new Map();
  #streamed = new Map<number, { region: Uint8Array; offset: number }[]>();
  #moneyScale = 2;

  private constructor(server: TestPostgres, client: pg.Client) {
    this.#server = server;
    this.#client = client;
  }

  static async start(version: PostgresVersion): Promise<SampleServer> {
    const server = await TestPostgres.start({ version });
    const client = await server.connect();
    const made = new SampleServer(server, client);
    try {
      for (const statement of sessionSettings) await client.query(statement);
      await made.#fill(samples.filter((sample) => version >= (sample.from ?? 14)));
      return made;
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #fill(wanted: readonly Sample[]): Promise<void> {
    for (const statement of sampleSetup) await this.#client.query(statement);
    for (const sample of wanted)
      await this.#client.query(`CREATE TABLE ${table(sample)} (id int PRIMARY KEY, v ${sample.type})`);
    await this.#client.query("CREATE PUBLICATION p FOR ALL TABLES");
    await this.#client.query("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    for (const sample of wanted) {
      const rows = [...sample.values, "NULL"].map((value, id) => `(${id}, (${value})::${sample.type})`);
      await this.#client.query(`INSERT INTO ${table(sample)} VALUES ${rows.join(", ")}`);
    }
    const { rows: oids } = await this.#client.query<{ oid: number }>(
      "SELECT DISTINCT atttypid AS oid FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relname LIKE 'sample%' AND attnum > 0",
    );
    const { rows } = await this.#client.query<{ type: PgType }>(pgTypesSql, [oids.map(({ oid }) => oid)]);
    this.#types = pgTypesFrom(rows);
    const { rows: money } = await this.#client.query<{ scale: number }>(moneyScaleSql);
    this.#moneyScale = money[0]?.scale ?? 2;
    await this.#readStream();
  }

  async #readStream(): Promise<void> {
    const { rows } = await this.#client.query<{ data: Buffer }>(
      `SELECT data FROM pg_logical_slot_get_binary_changes('s', NULL, NULL, 'proto_version', '1', 'publication_names', 'p', 'binary', 'true')`,
    );
    const place: RowPlace = { relation: 0, oldTuple: -1, oldIsKey: false, newTuple: -1 };
    for (const { data } of rows) {
      if (data[0] === message.relation) this.#streamed.set(readRelation(data, 1).oid, []);
      if (data[0] !== message.insert) continue;
      locateInsert(data, 1, place);
      this.#streamed.get(place.relation)?.push({ region: data, offset: place.newTuple });
    }
  }

  async read(sample: Sample): Promise<Read> {
    const [attribute] = await this.#rows<{ oid: number; modifier: number; relation: number }>(
      `SELECT atttypid AS oid, atttypmod AS modifier, attrelid AS relation FROM pg_attribute WHERE attrelid = '${table(sample)}'::regclass AND attname = 'v'`,
    );
    if (attribute === undefined) throw new Error("the sample's table is there");
    const codec = codecFor(this.#types, attribute, { moneyScale: this.#moneyScale });
    if ("unsupported" in codec) throw new Error(codec.unsupported);
    const expected = await this.#rows<{ text: string | null }>(
      `SELECT ${codec.digest('"v"')} AS text FROM ${table(sample)} ORDER BY id`,
    );
    const region = await copyOut(
      this.#client,
      `COPY (SELECT ${codec.select('"v"')} FROM ${table(sample)} ORDER BY id) TO STDOUT (FORMAT binary)`,
    );
    const copied = decodedRows({ layout: copyTuple, region, offsets: copyTupleOffsets(region) }, [codec]);
    const id = codecFor(this.#types, { oid: 23, modifier: -1 }, { moneyScale: 2 });
    if ("unsupported" in id) throw new Error(id.unsupported);
    const streamed = (this.#streamed.get(attribute.relation) ?? []).flatMap(({ region: bytes, offset }) =>
      decodedRows({ layout: pgoutputTuple, region: bytes, offsets: Int32Array.of(offset) }, [id, codec]),
    );
    const isFloat = codec.type.kind === "float32" || codec.type.kind === "float64";
    return {
      codec,
      expected: expected.map(({ text }) => (isFloat && text !== null ? numberText(text) : text)),
      copied: copied.map(([value]) => value ?? null),
      streamed: streamed.map(([, value]) => value ?? null),
    };
  }

  async unsupported(type: string): Promise<string> {
    const [row] = await this.#rows<{ oid: number }>(`SELECT '${type}'::regtype::oid AS oid`);
    const { rows } = await this.#client.query<{ type: PgType }>(pgTypesSql, [[row?.oid]]);
    const codec = codecFor(pgTypesFrom(rows), { oid: row?.oid ?? 0, modifier: -1 }, { moneyScale: 2 });
    return "unsupported" in codec ? codec.unsupported : "supported";
  }

  async #rows<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> {
    return (await this.#client.query<Row>(sql)).rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end();
    await this.#server[Symbol.asyncDispose]();
  }
}

function table(sample: Sample): string {
  return `sample_${samples.indexOf(sample)}`;
}

function numberText(text: string): string {
  const value = Number(text);
  return Object.is(value, -0) ? "-0" : String(value);
}

describe.each([14, 16, 18] as PostgresVersion[])("PostgreSQL %i", (version) => {
  let server: SampleServer;
  beforeAll(async () => {
    server = await SampleServer.start(version);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  const here = samples.filter((sample) => version >= (sample.from ?? 14));
  test.each(here)("copies and streams $type as the server has it", async (sample) => {
    const { codec, expected, copied, streamed } = await server.read(sample);
    expect(copied).toEqual(expected);
    expect(streamed).toEqual(expected);
    expect(codec.type.kind).toBe(sample.kind);
    expect(codec.sourceType).toBe(sample.sourceType ?? sample.type);
    expect(expected.at(-1)).toBeNull();
    if (sample.texts !== undefined) expect(expected.slice(0, -1)).toEqual(sample.texts);
  });

  test.each(["aclitem[]", "money[]", "regclass[]", "with_acl", "cube", "cube[]"])(
    "says why %s cannot be replicated",
    async (type) => {
      expect(await server.unsupported(type)).toMatch(/cannot send|not known to zeroetl/);
    },
  );
});
