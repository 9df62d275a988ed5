import { expect, test } from "vitest";
import { TestPostgres } from "../../../test/support/postgres.ts";
import { until } from "../../../test/support/until.ts";
import { makeShop, shopTables } from "./shop-schema.ts";
import { ShopWriter } from "./shop-writer.ts";

test("a shop has eight tables and about as many rows as asked for", async () => {
  await using server = await TestPostgres.start();
  const client = await server.connect();
  await makeShop(client, 10_000);
  await client.end();
  let total = 0;
  for (const table of shopTables) {
    const [row] = await server.rows<{ count: string }>(`SELECT count(*) FROM ${table}`);
    expect(Number(row?.count)).toBeGreaterThanOrEqual(10);
    total += Number(row?.count);
  }
  expect(total).toBeGreaterThan(9_900);
  expect(total).toBeLessThan(10_100);
});

test("the writer keeps its rate, changes every kind of row, and comes back after a restart of the server", async () => {
  await using server = await TestPostgres.start();
  const client = await server.connect();
  await makeShop(client, 2_000);
  await client.end();
  const started = performance.now();
  await using writer = ShopWriter.start({ url: server.url(), rate: 200, connections: 3 });
  await until("400 transactions", () => writer.measures().transactions >= 400);
  const seconds = (performance.now() - started) / 1000;
  expect(400 / seconds).toBeGreaterThan(100);
  expect(400 / seconds).toBeLessThan(260);
  const [counts] = await server.rows<Record<"inserted" | "updated" | "deleted", string>>(
    "SELECT sum(n_tup_ins) inserted, sum(n_tup_upd) updated, sum(n_tup_del) deleted FROM pg_stat_user_tables",
  );
  for (const count of Object.values(counts ?? {})) expect(Number(count)).toBeGreaterThan(10);
  expect(writer.measures().failures).toBe(0);
  await server.restart();
  const { transactions } = writer.measures();
  await until("it writes again", () => writer.measures().transactions > transactions + 50);
});

test("an order can be cancelled while another transaction ships it", async () => {
  await using server = await TestPostgres.start();
  const client = await server.connect();
  await makeShop(client, 100);
  await client.query("BEGIN");
  await client.query("UPDATE orders SET status = 'shipped'");
  await client.query("INSERT INTO shipments (order_id, carrier) SELECT id, 'bike' FROM orders");
  await using writer = ShopWriter.start({ url: server.url(), rate: 200, connections: 8 });
  await until("a transaction that cancels an order waits", async () => {
    const waiting = await server.rows(
      "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'WITH chosen%'",
    );
    return waiting.length > 0;
  });
  await client.query("COMMIT");
  await client.end();
  const { transactions } = writer.measures();
  await until("the others go on", () => writer.measures().transactions > transactions + 50);
  expect(writer.measures().failures).toBe(0);
});
