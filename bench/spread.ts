import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TestPostgres } from "../test/support/postgres.ts";
import type { ServiceProcess } from "../test/support/service.ts";
import { cpuPerMillion, percentile, print, printMemory, printProcessor, round } from "./report.ts";
import { startOnCatalog } from "./service.ts";
import { Meter } from "./usage.ts";

export interface SpreadOptions {
  readonly tables: number;
  readonly writers: number;
  readonly seconds: number;
}

const probeEveryMs = 250;

/** Many tables written by many connections as fast as they can, and how far another table falls behind meanwhile. */
export async function benchSpread({ tables, writers, seconds }: SpreadOptions): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-bench-"));
  try {
    const settings = { max_connections: String(writers + 40), synchronous_commit: "off" };
    await using server = await TestPostgres.start({ settings });
    await server.run([
      "CREATE TABLE probe (n int PRIMARY KEY)",
      `DO $$ BEGIN FOR i IN 0 .. ${tables - 1} LOOP
         EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, n int, note text)', i);
         EXECUTE format('INSERT INTO t%s SELECT i, 0, ''note'' FROM generate_series(1, 1000) AS i', i);
       END LOOP; END $$`,
    ]);
    await using service = await startOnCatalog({ directory, sourceUrl: server.url() });
    const meter = Meter.start(service.pid);
    await service.create("include: postgres.public.*");
    await service.status("active", { deadlineMs: 900_000 });
    meter.restart();
    const end = performance.now() + seconds * 1000;
    const counts = Promise.all(
      Array.from({ length: writers }, (_, writer) => write(server, { tables, writer, end })),
    );
    const writtenAt: number[] = [];
    const probing = probe(server, writtenAt, end);
    const lags = await watch(service, writtenAt, end);
    await probing;
    const usage = meter.used();
    const transactions = (await counts).reduce((sum, count) => sum + count, 0);
    printMemory(usage);
    printProcessor(usage, transactions, "transactions");
    const result = {
      bench: "spread",
      tables,
      writers,
      transactionsPerSecond: Math.round(transactions / seconds),
      p50Seconds: round(percentile(lags, 0.5) / 1000),
      p99Seconds: round(percentile(lags, 0.99) / 1000),
      caughtUpSeconds: round((performance.now() - end) / 1000),
      cpuSecondsPerMillion: round(cpuPerMillion(usage, transactions)),
      usage,
    };
    print(JSON.stringify(result));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function write(
  server: TestPostgres,
  { tables, writer, end }: { tables: number; writer: number; end: number },
): Promise<number> {
  const client = await server.connect();
  let count = 0;
  try {
    for (; performance.now() < end; count++) {
      const table = (writer + count * 7) % tables;
      await client.query(`UPDATE t${table} SET n = n + 1 WHERE id = ${1 + (count % 1000)}`);
    }
    return count;
  } finally {
    await client.end();
  }
}

async function probe(server: TestPostgres, writtenAt: number[], end: number): Promise<void> {
  const client = await server.connect();
  try {
    while (performance.now() < end) {
      await client.query(`INSERT INTO probe VALUES (${writtenAt.length})`);
      writtenAt.push(performance.now());
      await sleep(probeEveryMs);
    }
  } finally {
    await client.end();
  }
}

/** Lags in ms of all that is written until `end`. Asks seldom: a query takes the warehouse's time, too. */
async function watch(service: ServiceProcess, writtenAt: readonly number[], end: number): Promise<number[]> {
  const lags: number[] = [];
  while (performance.now() < end || lags.length < writtenAt.length) {
    await sleep(probeEveryMs);
    const [row] = await service.query("SELECT count(*) FROM postgres.public.probe");
    const now = performance.now();
    for (const written of writtenAt.slice(lags.length, Number(row?.[0]))) lags.push(now - written);
  }
  return lags;
}
