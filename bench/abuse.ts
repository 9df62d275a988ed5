import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { abuseAttempts } from "../test/support/abuse-attempts.ts";
import { escapeAttempts } from "../test/support/escape-attempts.ts";
import { TestPostgres } from "../test/support/postgres.ts";
import { ServiceProcess, type Key } from "../test/support/service.ts";
import { until } from "../test/support/until.ts";
import { measureLag, type LagTimes } from "./lag.ts";
import { percentile, print, printMemory, round } from "./report.ts";
import { Meter } from "./usage.ts";

export interface AbuseOptions {
  readonly rows: number;
  readonly seconds: number;
}

const timeoutSeconds = 5;
/** What an attempt may take without being named. */
const noteworthyMiB = 512;
const greedyQueries = 10;
const greedy = [
  "SELECT count(*) FROM (SELECT DISTINCT a, c FROM big)",
  "SELECT count(*) FROM (SELECT DISTINCT a || c FROM big)",
  "SELECT a, c FROM big ORDER BY c DESC, a LIMIT 1 OFFSET 1000000",
  "SELECT count(*) FROM big x JOIN big y ON x.a || 'x' = y.a || 'x'",
  "SELECT a, list(c) FROM big GROUP BY a",
  "SELECT * FROM big",
  "SELECT max(length(repeat(a, 100))) FROM big",
  "SELECT count(*) FROM range(1000000000000) a, range(1000000000000) b",
];

/**
 * A reader who means harm: statements that would do more than read, statements that would take everything, and then many
 * greedy ones at once beside a stream. Fails where one acts or the service ends; prints how fast it answers meanwhile.
 */
export async function benchAbuse({ rows, seconds }: AbuseOptions): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-bench-"));
  try {
    await using server = await TestPostgres.start();
    await server.run(`
      CREATE TABLE big (id int PRIMARY KEY, a text, b int, c text);
      INSERT INTO big SELECT i, md5(i::text), i * 7 % 1000003, 'customer ' || i FROM generate_series(1, ${rows}) i;
      CREATE TABLE lag (writer int, n int, note text, PRIMARY KEY (writer, n))`);
    const settings = `queries: { timeout_seconds: ${timeoutSeconds} }\n`;
    await using service = await ServiceProcess.start({ directory, sourceUrl: server.url(), settings });
    await service.create("include: postgres.public.*");
    await service.status("active", { deadlineMs: 900_000 });
    await until(
      "the rows are visible",
      async () => (await service.query("SELECT 1 FROM big LIMIT 1")).length > 0,
    );
    const key = await service.createKey("greedy");
    await sleep(5_000);
    const meter = Meter.start(service.pid);
    const attempts = await attempt(service, key, join(directory, "data", "warehouse", "test"));
    printMemory(meter.used());
    const lag = await measureGreed({ server, service, key }, seconds);
    const usage = meter.used();
    printMemory(usage);
    print(JSON.stringify({ bench: "abuse", rows, ...attempts, ...lag, peakMiB: usage.peakMiB }));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function attempt(service: ServiceProcess, key: Key, warehouse: string) {
  await using health = new HealthWatch(service.endpoint);
  const files = await readdir(warehouse);
  for (const text of escapeAttempts) {
    const sql = text.replaceAll("%DIR%", warehouse).replaceAll("shop.", "postgres.");
    const error = await drain(service, sql, { key });
    if (!error.includes("QUERY_FAILED")) throw new Error(`not refused: ${sql}\n${error}`);
  }
  const acted = (await readdir(warehouse)).filter((file) => !files.includes(file) && !file.endsWith(".wal"));
  if (acted.length > 0) throw new Error(`files were made: ${acted.join(", ")}`);
  for (const sql of abuseAttempts) {
    const started = performance.now();
    const meter = Meter.start(service.pid);
    const answer = await drain(service, sql, { key });
    const took = (performance.now() - started) / 1000;
    const { idleMiB, peakMiB } = meter.used();
    const grownMiB = peakMiB - idleMiB;
    if (took > timeoutSeconds + 2 || grownMiB > noteworthyMiB)
      print(`${took.toFixed(1)} s, ${grownMiB} MiB: ${shortened(sql)}: ${shortened(answer)}`);
  }
  const { p99, max } = await health.result();
  const count = escapeAttempts.length + abuseAttempts.length;
  print(
    `${count} attempts: none acted, the service runs; /healthz p99 ${p99.toFixed(0)} ms, at most ${max.toFixed(0)} ms`,
  );
  return { attempts: count, healthP99Ms: round(p99), healthMaxMs: round(max) };
}

function shortened(text: string): string {
  return text.slice(0, 100).replaceAll("\n", " ");
}

async function measureGreed(
  { server, service, key }: { server: TestPostgres; service: ServiceProcess; key: Key },
  seconds: number,
) {
  await using health = new HealthWatch(service.endpoint);
  const stop = new AbortController();
  const queries = Array.from({ length: greedyQueries }, async (_, first) => {
    for (let turn = first; !stop.signal.aborted; turn++)
      await drain(service, greedy[turn % greedy.length] ?? "", { key, signal: stop.signal });
  });
  const times: LagTimes = await measureLag({ server, service }, { perSecond: 100, seconds });
  stop.abort();
  await Promise.all(queries);
  const { p99, max } = await health.result();
  const [p50Lag, p99Lag] = [percentile(times.lags, 0.5), percentile(times.lags, 0.99)];
  print(
    `${greedyQueries} greedy queries: lag p50 ${p50Lag.toFixed(0)} ms, p99 ${p99Lag.toFixed(0)} ms; /healthz p99 ${p99.toFixed(0)} ms, at most ${max.toFixed(0)} ms`,
  );
  return {
    lagP50Ms: round(p50Lag),
    lagP99Ms: round(p99Lag),
    greedyHealthP99Ms: round(p99),
    greedyHealthMaxMs: round(max),
  };
}

/** Reads an answer to its end without keeping it; gives its last line, which says what became of it. */
async function drain(
  service: ServiceProcess,
  sql: string,
  { key, signal }: { readonly key: Key; readonly signal?: AbortSignal },
): Promise<string> {
  let end = "";
  try {
    const answer = await service.send("query", { sql }, { key, signal });
    const decoder = new TextDecoder();
    for await (const part of answer.body ?? [])
      end = (end + decoder.decode(part as Uint8Array, { stream: true })).slice(-1000);
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
  return end;
}

/** Asks for /healthz from a thread of its own, again and again. */
class HealthWatch implements AsyncDisposable {
  readonly #worker: Worker;

  constructor(endpoint: string) {
    this.#worker = new Worker(
      `const { parentPort, workerData } = require("node:worker_threads");
       const times = [];
       let stop = false;
       parentPort.once("message", () => (stop = true));
       (async () => {
         while (!stop) {
           const started = performance.now();
           await (await fetch(workerData + "/healthz")).text();
           times.push(performance.now() - started);
           await new Promise((resolve) => setTimeout(resolve, 20));
         }
         parentPort.postMessage(times);
       })();`,
      { eval: true, workerData: endpoint },
    );
  }

  async result(): Promise<{ readonly p99: number; readonly max: number }> {
    const times = new Promise<number[]>((resolve, reject) => {
      this.#worker.once("message", resolve);
      this.#worker.once("error", reject);
    });
    this.#worker.postMessage("stop");
    const sorted = await times;
    return { p99: percentile(sorted, 0.99), max: Math.max(...sorted) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
