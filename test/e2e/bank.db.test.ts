import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { TestPostgres } from "../support/postgres.ts";
import { ServiceProcess } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { Writers } from "./writers.ts";

const accounts = 1_000;
const each = 100;

test("a reader of the warehouse never sees a transfer between two tables half done", async () => {
  await using server = await TestPostgres.start();
  await using directory = await TemporaryDirectory.make();
  await server.run(
    ["checking", "savings"].flatMap((table) => [
      `CREATE TABLE ${table} (id int PRIMARY KEY, balance int NOT NULL)`,
      `INSERT INTO ${table} SELECT i, ${each} FROM generate_series(1, ${accounts}) AS i`,
    ]),
  );
  await using writers = Writers.start(server, {
    count: 4,
    transaction: async (client) => {
      const [from, to] = [1 + Math.floor(Math.random() * accounts), 1 + Math.floor(Math.random() * accounts)];
      const amount = Math.floor(Math.random() * 10);
      await client.query("BEGIN");
      await client.query(`UPDATE checking SET balance = balance - ${amount} WHERE id = ${from}`);
      await client.query(`UPDATE savings SET balance = balance + ${amount} WHERE id = ${to}`);
      await client.query("COMMIT");
      // Some hundred transfers a second are as good as thousands, and leave the machine to the reader.
      await sleep(5);
    },
  });
  await using service = await ServiceProcess.start({ directory: directory.path, sourceUrl: server.url() });
  await service.create("include: postgres.public.*");
  const sums = new Set<string>();
  let different = 0;
  let previous = "";
  for (let reads = 0; reads < 1_000;) {
    const [row] = await service
      .query(
        `SELECT (SELECT sum(balance) FROM postgres.public.checking) + (SELECT sum(balance) FROM postgres.public.savings),
              (SELECT sum(balance) FROM postgres.public.savings)`,
      )
      .catch((error: unknown) => {
        // Until the copy is revealed, both tables are absent.
        if (reads === 0 && /does not exist/.test(String(error))) return [undefined];
        throw error;
      });
    if (row === undefined) continue;
    reads += 1;
    sums.add(String(row[0]));
    if (row[1] !== previous) different += 1;
    previous = String(row[1]);
  }
  expect([...sums]).toEqual([String(2 * accounts * each)]);
  // The reads did see the money move.
  expect(different).toBeGreaterThan(100);
  expect(writers.committed).toBeGreaterThan(1_000);
});
