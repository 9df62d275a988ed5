import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { expect, test } from "vitest";
import { Dice } from "../support/dice.ts";
import { TestPostgres } from "../support/postgres.ts";
import { printedSeed } from "../support/random.ts";
import { ServiceProcess } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { until } from "../support/until.ts";
import { expectEqual } from "./expect-equal.ts";
import { Writers } from "./writers.ts";

// ZEROETL_STOPS=100 is the long run, by hand.
// oxlint-disable-next-line node/no-process-env -- a setting of the tests, not of zeroetl
const stops = Number(process.env["ZEROETL_STOPS"] ?? 8);
const rows = 200_000;
const goneWithinMs = 10_000;
const patienceMs = 120_000;

const schema = [
  "CREATE TABLE orders (id bigserial PRIMARY KEY, customer int, note text, total numeric(12,2))",
  "CREATE TABLE lines (order_id bigint, line int, item text, PRIMARY KEY (order_id, line))",
  `INSERT INTO orders (customer, note, total) SELECT i % 1000, md5(i::text), i % 1000 FROM generate_series(1, ${rows}) AS i`,
  "INSERT INTO lines SELECT id, 1, md5(id::text) FROM orders",
];

/** Rewrites a table with its values as they are, after which it is copied again. */
const rewrite = ["ALTER TABLE orders ALTER customer TYPE int USING customer + 0"];

/** The tables stay as large as they are, so that the last stop costs as much as the first. */
async function transaction(client: pg.Client): Promise<void> {
  await client.query("BEGIN");
  const { rows: made } = await client.query<{ id: string }>(
    "INSERT INTO orders (customer, note, total) VALUES (1, 'new', 12.50) RETURNING id",
  );
  const id = made[0]?.id;
  await client.query(`INSERT INTO lines SELECT ${id}, i, 'item' FROM generate_series(1, 3) AS i`);
  await client.query(`UPDATE orders SET total = total + 1 WHERE id = ${id} - ${rows / 2}`);
  await client.query(`DELETE FROM lines WHERE order_id = ${id} - ${rows}`);
  await client.query(`DELETE FROM orders WHERE id = ${id} - ${rows}`);
  await client.query("COMMIT");
}

/** Sends one, two or three signals; gives how long the process lived after the last one, and how it ended. */
async function stop(service: ServiceProcess, dice: Dice) {
  const signals = 1 + dice.int(3);
  let last = performance.now();
  for (let sent = 0; sent < signals && service.ending === undefined; sent++) {
    if (sent > 0) await sleep(dice.int(dice.chance(0.5) ? 20 : 400));
    // Alone, SIGHUP reloads the configuration.
    service.sendSignal(dice.pick(sent === 0 ? ["SIGINT", "SIGTERM"] : ["SIGINT", "SIGTERM", "SIGHUP"]));
    last = performance.now();
  }
  const ending = await until("the process is gone", () => service.ending, goneWithinMs);
  return { signals, ending, ms: performance.now() - last };
}

test(
  `${stops} stops by one, two and three signals: each process is gone within 10 s, and nothing is lost`,
  { timeout: 60_000 + stops * 30_000 },
  async () => {
    const dice = new Dice(printedSeed());
    await using server = await TestPostgres.start();
    await using directory = await TemporaryDirectory.make();
    // npm would make the service take a second SIGINT that comes at once for a repetition.
    const command = ["env", "-u", "npm_lifecycle_event"];
    const options = { directory: directory.path, sourceUrl: server.url(), command };
    await server.run(schema);
    await using writers = Writers.start(server, { count: 2, transaction });
    let service = await ServiceProcess.start(options);
    const slowest = { ms: 0, ending: "" };
    const endings = new Map<string, number>();
    try {
      await service.create("include: postgres.public.*");
      for (let round = 0; round < stops; round++) {
        // The first one hits the first copy.
        const isCopy = dice.chance(0.5);
        if (isCopy && round > 0) await server.run(rewrite);
        await sleep(dice.int(isCopy ? 2_500 : 500));
        const { signals, ending, ms } = await stop(service, dice);
        const how = `${signals} signals: ${ending}`;
        endings.set(how, (endings.get(how) ?? 0) + 1);
        if (ms > slowest.ms) Object.assign(slowest, { ms, ending: how });
        // On a machine that is busy enough, an orderly stop may take longer than its deadline.
        if (signals === 1 && !service.log.includes("did not stop within")) expect(ending).toBe(0);
        service = await ServiceProcess.start(options);
        await expectEqual(service, 2, patienceMs);
      }
      process.stdout.write(`${JSON.stringify({ slowest, ...Object.fromEntries(endings) })}\n`);
      expect(writers.committed).toBeGreaterThan(stops);
    } finally {
      await service[Symbol.asyncDispose]();
    }
  },
);
