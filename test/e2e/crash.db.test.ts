import { DuckDBInstance } from "@duckdb/node-api";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { expect, test } from "vitest";
import { TestPostgres } from "../support/postgres.ts";
import { printedSeed, randomFrom } from "../support/random.ts";
import { ServiceProcess } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { expectEqual } from "./expect-equal.ts";
import { Writers } from "./writers.ts";

const rows = 400_000;
const kills = 20;
const restarts = 5;
const patienceMs = 120_000;

const schema = [
  "CREATE TABLE orders (id bigserial PRIMARY KEY, customer int, note text, total numeric(12,2))",
  "CREATE TABLE lines (order_id bigint, line int, item text, price numeric(12,2), PRIMARY KEY (order_id, line))",
  "CREATE TABLE log (at timestamptz, message text)",
  "ALTER TABLE log REPLICA IDENTITY FULL",
  `INSERT INTO orders (customer, note, total) SELECT i % 1000, md5(i::text), i % 1000 FROM generate_series(1, ${rows}) AS i`,
  "INSERT INTO lines SELECT id, 1, md5(id::text), total FROM orders",
  "INSERT INTO log SELECT now(), 'a message that stands there more than once' FROM generate_series(1, 1000)",
];

/** Each rewrites a table with its values as they are, after which it is copied again. */
const rewrites = [
  "ALTER TABLE orders ALTER customer TYPE int USING customer + 0",
  "ALTER TABLE lines ALTER line TYPE int USING line + 0",
];

async function transaction(client: pg.Client, random: () => number): Promise<void> {
  const id = 1 + Math.floor(random() * rows);
  await client.query("BEGIN");
  const { rows: made } = await client.query<{ id: string }>(
    "INSERT INTO orders (customer, note, total) VALUES (1, 'new', 12.50) RETURNING id",
  );
  await client.query(`INSERT INTO lines SELECT ${made[0]?.id}, i, 'item', i FROM generate_series(1, 3) AS i`);
  await client.query(`UPDATE orders SET total = total + 1 WHERE id = ${id}`);
  await client.query(`DELETE FROM lines WHERE order_id = ${id + 1}`);
  await client.query("INSERT INTO log VALUES (now(), 'again')");
  await client.query("DELETE FROM log WHERE ctid = (SELECT ctid FROM log LIMIT 1)");
  await client.query("COMMIT");
}

/** The position that the warehouse holds, read from its files while nobody has them open. */
async function heldLsn(directory: string): Promise<bigint | undefined> {
  const files = await readdir(directory, { recursive: true });
  const file = files.find((name) => name.endsWith("postgres.duckdb"));
  if (file === undefined) return undefined;
  const instance = await DuckDBInstance.create(join(directory, file));
  try {
    const connection = await instance.connect();
    const read = async (sql: string): Promise<unknown> =>
      (await connection.runAndReadAll(sql)).getRows()[0]?.[0];
    // A kill may come between the file and the ledger in it.
    const ledgers = await read("SELECT count(*)::int FROM duckdb_tables() WHERE table_name = 'checkpoint'");
    const position = ledgers === 1 ? await read("SELECT position FROM _zeroetl.checkpoint") : undefined;
    connection.closeSync();
    return typeof position === "string" ? parseLsn(position.split("/").slice(-2).join("/")) : undefined;
  } finally {
    instance.closeSync();
  }
}

function parseLsn(text: string): bigint {
  const [high = "", low = ""] = text.split("/");
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

async function confirmedLsn(server: TestPostgres): Promise<bigint | undefined> {
  const [slot] = await server.rows<{ lsn: string }>(
    "SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name LIKE 'zeroetl%' AND slot_name NOT LIKE '%_copy'",
  );
  return slot === undefined ? undefined : parseLsn(slot.lsn);
}

async function expectNothingConfirmedTooEarly(directory: string, server: TestPostgres): Promise<void> {
  const [held, confirmed] = [await heldLsn(directory), await confirmedLsn(server)];
  if (confirmed !== undefined && held !== undefined) expect(confirmed).toBeLessThanOrEqual(held);
}

test(
  `after each of ${kills} kill -9 and ${restarts} restarts of the source, nothing is lost and nothing comes twice`,
  { timeout: 600_000 },
  async () => {
    const random = randomFrom(printedSeed());
    await using server = await TestPostgres.start();
    await using directory = await TemporaryDirectory.make();
    const options = { directory: directory.path, sourceUrl: server.url() };
    await server.run(schema);
    await using writers = Writers.start(server, {
      count: 2,
      transaction: (client) => transaction(client, random),
    });
    let service = await ServiceProcess.start(options);
    try {
      await service.create("include: postgres.public.*");
      for (let kill = 0; kill < kills; kill++) {
        // The first half hits copies and their ends, the second the stream.
        const isCopy = kill < kills / 2;
        if (isCopy && kill > 0) await server.run(rewrites);
        await sleep(random() * (isCopy ? 2_500 : 500));
        await service.kill();
        await expectNothingConfirmedTooEarly(directory.path, server);
        service = await ServiceProcess.start(options);
        await expectEqual(service, 3, patienceMs);
      }
      for (let restart = 0; restart < restarts; restart++) {
        await sleep(random() * 500);
        await server.restart();
        await expectEqual(service, 3, patienceMs);
      }
      expect(writers.committed).toBeGreaterThan(100);
    } finally {
      await service[Symbol.asyncDispose]();
    }
  },
);
