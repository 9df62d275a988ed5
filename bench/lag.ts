import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TestPostgres } from "../test/support/postgres.ts";
import { until } from "../test/support/until.ts";
import { cpuPerMillion, median, percentile, print, printMemory, printProcessor, round } from "./report.ts";
import { startOnCatalog } from "./service.ts";
import { Meter, type Usage } from "./usage.ts";
import type { ServiceProcess } from "../test/support/service.ts";

export interface LagOptions {
  readonly perSecond: number;
  readonly seconds: number;
  readonly runs: number;
  /** Rows of the table whose rows are updated; undefined where rows are inserted into an empty one. */
  readonly updatedRows: number | undefined;
}

const writers = 8;
const caughtUpMs = 600_000;

/** What the writers do: each counts its transactions, and leaves its own number and the count in a row of `lag`. */
interface Load {
  readonly table: readonly string[];
  readonly statement: string;
  readonly values: (writer: number, n: number) => readonly number[];
}

const inserts: Load = {
  table: ["CREATE TABLE lag (writer int, n int, note text, PRIMARY KEY (writer, n))"],
  statement: "INSERT INTO lag VALUES ($1, $2, 'a note of some forty characters, as notes are')",
  values: (writer, n) => [writer, n],
};

/** Updates of rows that lie apart. Each writer has rows of its own, so that none loses what it was told to leave. */
function updatesOf(rows: number): Load {
  const each = Math.floor(rows / writers);
  if (each === 0) throw new Error(`a table for ${writers} writers has at least ${writers} rows`);
  return {
    table: [
      "CREATE TABLE lag (id bigint PRIMARY KEY, writer int, n int, note text)",
      `INSERT INTO lag SELECT i, NULL, -1, 'a note of some forty characters, as notes are'
       FROM generate_series(0, ${rows - 1}) AS i`,
      "VACUUM (ANALYZE, FREEZE) lag",
      "CHECKPOINT",
    ],
    statement: "UPDATE lag SET writer = $1, n = $2 WHERE id = $3",
    values: (writer, n) => [writer, n, writer + writers * ((n * 7919) % each)],
  };
}

interface Run {
  readonly p50: number;
  readonly p99: number;
  readonly written: number;
  readonly usage: Usage;
}

/**
 * From the moment a commit returns at the source to the moment a query of the warehouse shows the row, as a client
 * of both sees it: the time of asking the warehouse is in it.
 */
export async function benchLag(options: LagOptions): Promise<void> {
  const results: Run[] = [];
  for (let run = 1; run <= options.runs; run++) {
    const result = await measure(options);
    results.push(result);
    const rate = Math.round(result.written / options.seconds);
    print(
      `run ${run} of ${options.runs}: ${rate} transactions/s, lag p50 ${result.p50.toFixed(1)} ms, p99 ${result.p99.toFixed(1)} ms`,
    );
    printMemory(result.usage);
    printProcessor(result.usage, result.written, "transactions");
  }
  const { perSecond, seconds, updatedRows } = options;
  print(
    JSON.stringify({
      bench: "lag",
      perSecond,
      seconds,
      updatedRows,
      p50: round(median(results.map(({ p50 }) => p50))),
      p99: round(median(results.map(({ p99 }) => p99))),
      cpuSecondsPerMillion: round(median(results.map(({ usage, written }) => cpuPerMillion(usage, written)))),
      runs: results,
    }),
  );
}

async function measure({ perSecond, seconds, updatedRows }: LagOptions): Promise<Run> {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-bench-"));
  try {
    await using server = await TestPostgres.start({ settings: { synchronous_commit: "on" } });
    const load = updatedRows === undefined ? inserts : updatesOf(updatedRows);
    await server.run(load.table);
    await using service = await startOnCatalog({ directory, sourceUrl: server.url() });
    const meter = Meter.start(service.pid);
    await service.create("include: postgres.public.lag");
    await service.status("active", { deadlineMs: 900_000 });
    meter.restart();
    const { lags, written } = await measureLag({ server, service }, { perSecond, seconds, load });
    return {
      p50: percentile(lags, 0.5),
      p99: percentile(lags, 0.99),
      written,
      usage: meter.used(),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface LagJob {
  readonly perSecond: number;
  readonly seconds: number;
  readonly load?: Load;
}

export interface LagTimes {
  /** Milliseconds, of each row. */
  readonly lags: readonly number[];
  readonly written: number;
}

/** Writes to the table `lag`, which is replicated, and waits until all of it is in the warehouse. */
export async function measureLag(
  { server, service }: { readonly server: TestPostgres; readonly service: ServiceProcess },
  { perSecond, seconds, load = inserts }: LagJob,
): Promise<LagTimes> {
  const committed = Array.from({ length: writers }, (): number[] => []);
  const lags: number[] = [];
  const stop = new AbortController();
  const watching = watch(service, { committed, lags }, stop.signal);
  const end = performance.now() + seconds * 1000;
  await Promise.all(
    committed.map((times, writer) =>
      write(server, { load, writer, times, end, everyMs: (1000 * writers) / perSecond }),
    ),
  );
  const written = committed.reduce((sum, times) => sum + times.length, 0);
  await until("all rows are in the warehouse", () => lags.length === written, caughtUpMs);
  stop.abort();
  await watching;
  return { lags, written };
}

/** Commits one transaction after another at a steady pace and notes when each commit returned. */
async function write(
  server: TestPostgres,
  job: { load: Load; writer: number; times: number[]; end: number; everyMs: number },
): Promise<void> {
  const client = await server.connect();
  let due = performance.now() + (job.everyMs * job.writer) / writers;
  try {
    while (due < job.end) {
      const early = due - performance.now();
      if (early > 1) await sleep(early);
      await client.query({
        name: "write",
        text: job.load.statement,
        values: [...job.load.values(job.writer, job.times.length)],
      });
      job.times.push(performance.now());
      due += job.everyMs;
    }
  } finally {
    await client.end();
  }
}

/** Asks the warehouse again and again which rows it has, until stopped. */
async function watch(
  service: ServiceProcess,
  { committed, lags }: { committed: readonly (readonly number[])[]; lags: number[] },
  stop: AbortSignal,
): Promise<void> {
  const seen = committed.map(() => 0);
  while (!stop.aborted) {
    // The condition lets the warehouse skip what it need not read of a large table.
    const rows = await service.query(
      `SELECT writer, max(n) FROM postgres.public.lag WHERE n >= ${Math.min(...seen)} GROUP BY writer`,
    );
    const now = performance.now();
    for (const [writer, last] of rows.map((row) => row.map(Number))) {
      if (writer === undefined || last === undefined) throw new Error("the query answers with two numbers");
      const times = committed[writer] ?? [];
      // A row can be in the warehouse before its writer has been told so: then its lag is nothing.
      let next = seen[writer] ?? 0;
      for (; next <= last && next < times.length; next++) lags.push(Math.max(0, now - (times[next] ?? now)));
      seen[writer] = next;
    }
    await sleep(1);
  }
}
