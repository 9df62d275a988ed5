import { expect, test } from "vitest";
import { TestPostgres } from "../support/postgres.ts";
import { ServiceProcess, type OperatorIntegration } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { until } from "../support/until.ts";
import { expectEqual } from "./expect-equal.ts";

// ZEROETL_COPY_ROWS=5000000 is the long run, by hand.
// oxlint-disable-next-line node/no-process-env -- settings of the tests, not of zeroetl
const { ZEROETL_COPY_ROWS: rowsSetting = "1500000", ZEROETL_COPY_KILLS: killsSetting = "1" } = process.env;
const rows = Number(rowsSetting);
const kills = Number(killsSetting);
/** What may have been read and not committed: a wave of pieces (219,000 rows), and the batches applied and ahead. */
const lostAtOnceMax = 600_000;
const patienceMs = 120_000;

async function rowsRead(server: TestPostgres): Promise<number> {
  const [found] = await server.rows<{ read: string }>(
    "SELECT seq_tup_read::text AS read FROM pg_stat_user_tables WHERE relname = 't'",
  );
  return Number(found?.read);
}

/** Of the table, as `zeroetl status` shows it. */
async function reportOf(service: ServiceProcess): Promise<OperatorIntegration["tables"][number] | undefined> {
  const tables = (await service.integrations()).flatMap((integration) => integration.tables);
  return tables.find(({ table }) => table === "t");
}

test(
  `a copy of ${rows} rows that is killed ${kills} times reads little of its table again, and is equal`,
  { timeout: patienceMs * 2 },
  async () => {
    await using server = await TestPostgres.start();
    await using directory = await TemporaryDirectory.make();
    await server.run([
      "CREATE TABLE t (id int PRIMARY KEY, customer int, note text, total numeric(12,2))",
      `INSERT INTO t SELECT i, i % 1000, md5(i::text), i % 1000 FROM generate_series(1, ${rows}) AS i`,
    ]);
    const before = await rowsRead(server);
    const options = { directory: directory.path, sourceUrl: server.url() };
    let service = await ServiceProcess.start(options);
    try {
      await service.create("include: postgres.public.*");
      let interrupted = 0;
      let reported = 0;
      for (let kill = 1; kill <= kills; kill += 1) {
        let isReported = false;
        const copied = await until(
          "a part of the copy",
          async () => {
            const found = await reportOf(service);
            if (found === undefined) return undefined;
            const { copy } = found;
            if (copy !== null && copy.secondsLeft !== null) {
              expect(copy.bytesRead).toBeLessThanOrEqual(copy.bytes);
              // Estimates; what was read before a kill is included.
              expect(copy.bytesRead / copy.bytes).toBeGreaterThan((found.rows / rows) * 0.5);
              expect(copy.secondsLeft).toBeGreaterThanOrEqual(0);
              isReported = true;
            }
            return found.rows >= (rows * kill) / (kills + 2) ? found.rows : undefined;
          },
          patienceMs,
        );
        interrupted += copied < rows ? 1 : 0;
        reported += isReported ? 1 : 0;
        await service.kill();
        service = await ServiceProcess.start(options);
      }
      await service.status("active", { deadlineMs: patienceMs });
      const read = (await rowsRead(server)) - before;
      process.stdout.write(`${JSON.stringify({ rows, kills, interrupted, read: read / rows })}\n`);
      // A kill may come when the last rows have been committed.
      expect(interrupted).toBeGreaterThan(kills / 2);
      expect(reported).toBeGreaterThan(kills / 2);
      expect((await reportOf(service))?.copy).toBeNull();
      expect(read).toBeLessThanOrEqual(rows + kills * lostAtOnceMax);
      await expectEqual(service, 1);
    } finally {
      await service[Symbol.asyncDispose]();
    }
  },
);
