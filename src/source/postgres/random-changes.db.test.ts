import type { Client } from "pg";
import { expect, test } from "vitest";
import { TestPostgres } from "../../../test/support/postgres.ts";
import { printedSeed, randomFrom } from "../../../test/support/random.ts";
import { TestDatabase } from "../../../test/support/stream-run.ts";
import { until } from "../../../test/support/until.ts";

/** Statements for one of a few tables, whatever columns they have just now: some of them fail, which is fine. */
function statement(random: () => number): string {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const table = pick(["t0", "t1", "t2"]);
  const column = pick(["a", "b", "c", "d"]);
  const type = pick([
    "int",
    "text",
    "bigint",
    "varchar(10)",
    "varchar(30)",
    "numeric(10,2)",
    "numeric(14,2)",
  ]);
  const id = Math.floor(random() * 200);
  const value = Math.floor(random() * 100);
  const rows = [
    `INSERT INTO ${table} (id, ${column}) SELECT i, '${value}' FROM generate_series(${id}, ${id + 5}) i ON CONFLICT DO NOTHING`,
    `UPDATE ${table} SET ${column} = '${value}' WHERE id % 7 = ${value % 7}`,
    `UPDATE ${table} SET id = id + 1000 WHERE id = ${id}`,
    `DELETE FROM ${table} WHERE id BETWEEN ${id} AND ${id + 3}`,
    `INSERT INTO ${table} (id) VALUES (${id + 500})`,
  ];
  const schema = [
    `ALTER TABLE ${table} ADD ${column} ${type}`,
    `ALTER TABLE ${table} ADD ${column} ${type} DEFAULT '${value}'`,
    `ALTER TABLE ${table} ADD ${column} int DEFAULT (random() * 100)::int`,
    `ALTER TABLE ${table} DROP ${column}`,
    `ALTER TABLE ${table} RENAME ${column} TO ${pick(["a", "b", "c", "d"])}`,
    `ALTER TABLE ${table} ALTER ${column} TYPE ${type} USING ${column}::text::${type}`,
    `ALTER TABLE ${table} ALTER ${column} TYPE ${type}`,
    `ALTER TABLE ${table} ALTER ${column} TYPE int USING ${value}`,
    `TRUNCATE ${table}`,
    `VACUUM FULL ${table}`,
    `ANALYZE ${table}`,
    `ALTER TABLE ${table} ALTER ${column} SET STATISTICS ${value}`,
    `ALTER TABLE ${table} REPLICA IDENTITY ${pick(["FULL", "DEFAULT"])}`,
    `DROP TABLE ${table}`,
    `CREATE TABLE ${table} (id int PRIMARY KEY, a text, b int)`,
    `ALTER TABLE ${table} RENAME TO tmp`,
    `ALTER TABLE tmp RENAME TO ${table}`,
    `ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${table}_pkey`,
    `ALTER TABLE ${table} ADD PRIMARY KEY (id)`,
  ];
  return random() < 0.75 ? pick(rows) : pick(schema);
}

/** A dozen statements, in one transaction or each in its own. */
async function writeSome(writer: Client, random: () => number): Promise<void> {
  const isTransaction = random() < 0.5;
  if (isTransaction) await writer.query("BEGIN");
  for (let count = Math.floor(random() * 12); count >= 0; count -= 1) {
    if (isTransaction) await writer.query("SAVEPOINT s");
    const failed = await writer.query(statement(random)).then(
      () => false,
      () => true,
    );
    if (isTransaction && (failed || random() < 0.1)) await writer.query("ROLLBACK TO s");
  }
  if (isTransaction) await writer.query(random() < 0.9 ? "COMMIT" : "ROLLBACK");
}

test("whatever is done to tables and rows, and wherever the stream stops, the target ends up equal", async () => {
  const random = randomFrom(printedSeed());
  await using server = await TestPostgres.start({ version: random() < 0.5 ? 14 : 18 });
  const database = await TestDatabase.make(server);
  await database.run(
    "CREATE TABLE t0 (id int PRIMARY KEY, a text, b int)",
    "CREATE TABLE t1 (id int PRIMARY KEY)",
  );
  await using run = await database.stream({ catalogPollMs: 20 });
  const writer = await server.connect(database.name);
  for (let round = 0; round < 40; round += 1) {
    await writeSome(writer, random);
    if (random() < 0.15) await run.stop();
    const isDue = round % 10 === 9;
    if (run.isStopped && (isDue || random() < 0.5)) await run.start();
    // A table that has to be copied again may be different until then.
    if (isDue) await until("an equal target", async () => (await run.differences()).length === 0);
  }
  await writer.end();
  const names = await server.rows<{ name: string }>(
    `SELECT 'public.' || relname AS name FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
     WHERE relnamespace = 'public'::regnamespace AND relreplident = 'd'`,
    database.name,
  );
  await run.synced(...names.map(({ name }) => name));
  expect(await run.differences()).toEqual([]);
});
