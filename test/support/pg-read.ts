import type pg from "pg";
import type { TupleRun } from "../../src/model/replication/tuple.ts";
import {
  locateInsert,
  message,
  readRelation,
  type RowPlace,
} from "../../src/wire/postgres/pgoutput/stream.ts";
import { copyTuple, pgoutputTuple } from "../../src/wire/postgres/pgoutput/tuple.ts";
import {
  moneyScaleSql,
  pgTypesFrom,
  pgTypesSql,
  type PgType,
} from "../../src/wire/postgres/types/type-query.ts";
import { codecFor, type ColumnCodec } from "../../src/wire/postgres/types/type.ts";
import { copyOut, copyTupleOffsets } from "./pg-copy-out.ts";
import { decodedRows } from "./pg-decoded.ts";

/** The session that zeroetl's codecs expect. */
export const sessionSettings = [
  "SET TimeZone = 'UTC'",
  "SET DateStyle = 'ISO'",
  "SET IntervalStyle = 'postgres'",
  "SET extra_float_digits = 1",
  "SET bytea_output = 'hex'",
  "SET client_encoding = 'UTF8'",
];

export type Rows = readonly (readonly (string | null)[])[];

export interface ReadColumn {
  readonly name: string;
  readonly codec: ColumnCodec | { readonly unsupported: string };
}

/** The codecs of a table's columns, in order. */
export async function readColumns(client: pg.Client, table: string): Promise<ReadColumn[]> {
  const { rows: attributes } = await client.query<{ name: string; oid: number; modifier: number }>(
    `SELECT quote_ident(attname) AS name, atttypid AS oid, atttypmod AS modifier FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table],
  );
  const { rows } = await client.query<{ type: PgType }>(pgTypesSql, [attributes.map(({ oid }) => oid)]);
  const types = pgTypesFrom(rows);
  const { rows: money } = await client.query<{ scale: number }>(moneyScaleSql);
  const session = { moneyScale: money[0]?.scale ?? 2 };
  return attributes.map(({ name, oid, modifier }) => ({
    name,
    codec: codecFor(types, { oid, modifier }, session),
  }));
}

/** Column names and codecs; throws for a column that has none. */
export async function readCodecs(
  client: pg.Client,
  table: string,
): Promise<{ name: string; codec: ColumnCodec }[]> {
  return (await readColumns(client, table)).map(({ name, codec }) => {
    if ("unsupported" in codec) throw new Error(codec.unsupported);
    return { name, codec };
  });
}

/** A table's rows, ordered by its first column, as its copy decodes. */
export async function copiedRows(client: pg.Client, table: string): Promise<Rows> {
  const columns = await readCodecs(client, table);
  const list = columns.map(({ name, codec }) => codec.select(name)).join(", ");
  const region = await copyOut(
    client,
    `COPY (SELECT ${list} FROM ${table} ORDER BY 1) TO STDOUT (FORMAT binary)`,
  );
  const run: TupleRun = { layout: copyTuple, region, offsets: copyTupleOffsets(region) };
  return decodedRows(
    run,
    columns.map(({ codec }) => codec),
  );
}

/** A table's rows in canonical text, as PostgreSQL itself computes it. */
export async function canonicalRows(client: pg.Client, table: string): Promise<Rows> {
  const columns = await readCodecs(client, table);
  const list = columns.map(({ name, codec }) => codec.digest(name)).join(", ");
  const { rows } = await client.query<(string | null)[]>({
    text: `SELECT ${list} FROM ${table} AS t ORDER BY t.${columns[0]?.name}`,
    rowMode: "array",
  });
  return rows.map((row) => row.map((text, index) => canonical(text, columns[index]?.codec)));
}

/** Floats are printed by JavaScript. */
function canonical(text: string | null, codec: ColumnCodec | undefined): string | null {
  if (text === null || (codec?.type.kind !== "float32" && codec?.type.kind !== "float64")) return text;
  const value = Number(text);
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Inserts of a slot by the relation's oid, as offsets of new tuples each in a region of its own. */
export type StreamedInserts = ReadonlyMap<number, readonly TupleRun[]>;

/** Takes what the slot holds, in binary. */
export async function streamedInserts(
  client: pg.Client,
  slot: string,
  publication: string,
): Promise<StreamedInserts> {
  const { rows } = await client.query<{ data: Buffer }>(
    `SELECT data FROM pg_logical_slot_get_binary_changes($1, NULL, NULL,
       'proto_version', '1', 'publication_names', $2, 'binary', 'true')`,
    [slot, publication],
  );
  const inserts = new Map<number, TupleRun[]>();
  const place: RowPlace = { relation: 0, oldTuple: -1, oldIsKey: false, newTuple: -1 };
  for (const { data } of rows) {
    if (data[0] === message.relation) inserts.set(readRelation(data, 1).oid, []);
    if (data[0] !== message.insert) continue;
    locateInsert(data, 1, place);
    const run = { layout: pgoutputTuple, region: data, offsets: Int32Array.of(place.newTuple) };
    inserts.get(place.relation)?.push(run);
  }
  return inserts;
}

/** A table's rows, in the order of their insertion, as the stream decodes. */
export async function streamedRows(
  client: pg.Client,
  table: string,
  inserts: StreamedInserts,
): Promise<Rows> {
  const codecs = (await readCodecs(client, table)).map(({ codec }) => codec);
  const { rows } = await client.query<{ oid: number }>("SELECT $1::regclass::oid AS oid", [table]);
  return (inserts.get(rows[0]?.oid ?? 0) ?? []).flatMap((run) => decodedRows(run, codecs));
}
