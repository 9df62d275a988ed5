import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { logicalSamples } from "../../test/support/logical-samples.ts";
import { impossible, plainRelation, runOf, type Cell } from "../../test/support/plain-tuples.ts";
import { TemporaryDirectory } from "../../test/support/temporary.ts";
import { TableError } from "../model/replication/table-error.ts";
import type { LogicalKind } from "../model/replication/logical-type.ts";
import type { Relation } from "../model/replication/relation.ts";
import type { TupleRun } from "../model/replication/tuple.ts";
import { duckType, sqlType } from "./duck-type.ts";
import { FeedStatement, type FeedSession } from "./feed-statement.ts";
import { Feeds } from "./feed.ts";
import { TupleFeed } from "./tuple-feed.ts";

/** Parquet's types cannot represent all of these values exactly, so the file contains them as text. */
const storedAsText: ReadonlySet<LogicalKind> = new Set(["json", "timetz", "interval"]);

async function withDuckDb<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    return await work(connection);
  } finally {
    connection.disconnectSync();
    instance.closeSync();
  }
}

/** Returns the number of rows written. */
async function writeParquet(file: string, relation: Relation, runs: readonly TupleRun[]): Promise<number> {
  return withDuckDb(async (connection) => {
    const feeds = new Feeds(connection);
    const session: FeedSession = {
      prepare: (sql) => connection.prepare(sql),
      execute: (statement) => statement.run(),
    };
    const types = relation.columns.map(({ type }) => duckType(type));
    const values = relation.columns.map(({ type, name }, index) =>
      storedAsText.has(type.kind) ? `f${index}::VARCHAR AS ${name}` : `f${index} AS ${name}`,
    );
    const statement = new FeedStatement(
      { session, feeds },
      types,
      (feed) => `COPY (SELECT ${values.join(", ")} FROM ${feed}) TO '${file}'`,
    );
    try {
      using feed = new TupleFeed(relation, [{ runs, columns: [...relation.columns.keys()] }], feeds.tools());
      return await statement.run((chunk) => feed.fill(chunk));
    } finally {
      statement.close();
    }
  });
}

test("values of every logical type and NULLs come back from a Parquet file", async () => {
  await using directory = await TemporaryDirectory.make();
  const file = join(directory.path, "x.parquet");
  const columns = Object.fromEntries(logicalSamples.map(([type], index) => [`v${index}`, type]));
  const relation = plainRelation({ id: "1", columns: { n: { kind: "int32" }, ...columns } });
  // More rows than two chunks can contain.
  const samplesAt = (row: number) =>
    logicalSamples.map(([, values], index) => values[(row + index) % (values.length + 1)] ?? [null, null]);
  const rows = Array.from({ length: 5000 }, (_, row): Cell[] => [
    row,
    ...samplesAt(row).map(([value]) => value),
  ]);
  const runs = [runOf(relation, rows.slice(0, 1700)), runOf(relation, rows.slice(1700), 300)];
  expect(await writeParquet(file, relation, runs)).toBe(rows.length);

  const { printed, types } = await withDuckDb(async (connection) => {
    const read = async (sql: string) => (await connection.runAndReadAll(sql)).getRows();
    return {
      printed: await read(`SELECT COLUMNS(*)::VARCHAR FROM (FROM '${file}' ORDER BY n)`),
      types: await read(`SELECT column_type FROM (DESCRIBE FROM '${file}')`),
    };
  });
  expect(types.flat()).toEqual(
    relation.columns.map(({ type }) => (storedAsText.has(type.kind) ? "VARCHAR" : sqlType(type))),
  );
  expect(printed).toEqual(rows.map((_, row) => [String(row), ...samplesAt(row).map(([, text]) => text)]));
});

test("a value that its column cannot hold fails the statement as an error of the table, and no file remains", async () => {
  await using directory = await TemporaryDirectory.make();
  const relation = plainRelation({ id: "1", columns: { v: { kind: "text" } } });
  const rows: Cell[][] = Array.from({ length: 5000 }, (_, row) => [row === 4999 ? impossible : String(row)]);
  const file = join(directory.path, "x.parquet");
  await expect(writeParquet(file, relation, [runOf(relation, rows)])).rejects.toThrow(TableError);
  expect(await readdir(directory.path)).toEqual([]);
});
