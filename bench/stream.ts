import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { TestPostgres, type PostgresVersion } from "../test/support/postgres.ts";
import { until } from "../test/support/until.ts";
import { findProgram } from "./programs.ts";
import {
  cpuPerMillion,
  median,
  print,
  printMeasurements,
  printMemory,
  printProcessor,
  round,
} from "./report.ts";
import { startOnCatalog } from "./service.ts";
import { cpuSeconds, hundredths, peakMiB, residentMiB, type Usage } from "./usage.ts";
import { ServiceProcess } from "../test/support/service.ts";
import { changesPerTransaction, createBenchTable, makeBenchTable, writeChanges } from "./table.ts";

export interface StreamOptions {
  /** Rows of the table before the changes. */
  readonly rows: number;
  readonly changes: number;
  readonly runs: number;
  /** One transaction of this many inserted rows instead of the mix. */
  readonly single: boolean;
  /** Of the source and of the reference's subscriber. */
  readonly postgres: PostgresVersion;
  readonly path: string;
}

interface Run {
  readonly ours: number;
  readonly recvlogical: number;
  readonly subscription: number;
  readonly usage: Usage;
}

/** Catching up with a log of changes, against pg_recvlogical and PostgreSQL's own logical replication on the same log. */
export async function benchStream(options: StreamOptions): Promise<void> {
  const program = findProgram("pg_recvlogical", options.path);
  const runs: Run[] = [];
  for (let run = 1; run <= options.runs; run++) {
    print(`run ${run} of ${options.runs}: making ${options.rows.toLocaleString("en")} rows …`);
    const measured = await measure(program, options);
    const { ours, recvlogical, subscription, usage } = measured;
    runs.push(measured);
    const line = (what: string, seconds: number) => ({
      what,
      seconds,
      perSecond: options.changes / seconds,
      ratio: recvlogical / seconds,
    });
    printMeasurements([
      line("pg_recvlogical > /dev/null", recvlogical),
      line("PostgreSQL's logical replication, applied", subscription),
      line("zeroetl, applied and confirmed", ours),
    ]);
    printMemory(usage);
    printProcessor(usage, options.changes, "changes");
  }
  const ratios = runs.map(({ ours, recvlogical }) => round(recvlogical / ours));
  const ratiosToSubscription = runs.map(({ ours, subscription }) => round(subscription / ours));
  print(
    JSON.stringify({
      bench: options.single ? "stream-single" : "stream",
      postgres: options.postgres,
      rows: options.rows,
      changes: options.changes,
      ratios,
      ratio: median(ratios),
      ratiosToSubscription,
      ratioToSubscription: median(ratiosToSubscription),
      cpuSecondsPerMillion: round(median(runs.map(({ usage }) => cpuPerMillion(usage, options.changes)))),
      usage: runs.map(({ usage }) => usage),
    }),
  );
}

async function measure(program: string, options: StreamOptions): Promise<Run> {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-bench-"));
  try {
    const settings = { shared_buffers: "512MB", max_wal_size: "8GB" };
    await using server = await TestPostgres.start({ version: options.postgres, settings });
    await makeBenchTable(server, options.rows);
    const sourceUrl = server.url();
    await using subscriber = await TestPostgres.start({ version: options.postgres, settings });
    await subscribe(server, subscriber);
    let slot = "";
    {
      await using service = await ServiceProcess.start({ directory, sourceUrl });
      await service.create("include: postgres.public.bench");
      await service.status("active", { deadlineMs: 900_000 });
      slot = await ourSlot(server);
    }
    await server.run([
      "SELECT pg_create_logical_replication_slot('reference', 'pgoutput')",
      "CREATE PUBLICATION reference FOR TABLE bench",
    ]);
    await write(server, options);
    const [end] = await server.rows<{ lsn: string }>("SELECT pg_current_wal_flush_lsn()::text AS lsn");
    if (end === undefined) throw new Error("the server has a log position");
    const recvlogical = await timeRecvlogical(program, sourceUrl, end.lsn);
    await using watch = await Watch.open(server, end.lsn);
    await subscriber.run("ALTER SUBSCRIPTION reference_subscription ENABLE");
    const subscription = await watch.caughtUp("reference_subscription");
    await subscriber.run("ALTER SUBSCRIPTION reference_subscription DISABLE");
    const timed = watch.caughtUp(slot);
    await using service = await ServiceProcess.start({ directory, sourceUrl });
    const ours = await timed;
    const used = { peakMiB: peakMiB(service.pid), cpuSeconds: cpuSeconds(service.pid) };
    const idle = await measureIdle(directory);
    const usage = { ...idle, ...used, cpuSeconds: hundredths(used.cpuSeconds - idle.cpuSeconds) };
    return { ours, recvlogical, subscription, usage };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What a service uses to start, and then has nothing to do: one with a catalog of its own and no integration. */
async function measureIdle(directory: string): Promise<Pick<Usage, "idleMiB" | "cpuSeconds">> {
  await using idle = await startOnCatalog({
    directory: join(directory, "idle"),
    sourceUrl: "postgres://nobody:none@127.0.0.1:1/none",
  });
  return { idleMiB: residentMiB(idle.pid), cpuSeconds: cpuSeconds(idle.pid) };
}

async function write(server: TestPostgres, { rows, changes, single }: StreamOptions): Promise<void> {
  if (single)
    await server.run(
      `INSERT INTO bench SELECT ${rows} + i, i, md5(i::text), 1.25, now(), true, 0.5, '{"k": 1}'
       FROM generate_series(1, ${changes}) AS i`,
    );
  else await writeChanges(server, { transactions: changes / changesPerTransaction, rows });
}

/** A second server that holds the same rows and subscribes to the changes from now on, but is not enabled yet. */
async function subscribe(server: TestPostgres, subscriber: TestPostgres): Promise<void> {
  await server.run("CREATE PUBLICATION reference_subscription FOR TABLE bench");
  await subscriber.run([
    createBenchTable(),
    `CREATE SUBSCRIPTION reference_subscription CONNECTION '${server.url()}'
       PUBLICATION reference_subscription WITH (binary = true)`,
  ]);
  await until(
    "the subscriber has the rows",
    async () => {
      const [state] = await subscriber.rows<{ ready: boolean }>(
        "SELECT bool_and(srsubstate = 'r') AS ready FROM pg_subscription_rel",
      );
      return state?.ready;
    },
    600_000,
  );
  await subscriber.run("ALTER SUBSCRIPTION reference_subscription DISABLE");
}

async function ourSlot(server: TestPostgres): Promise<string> {
  const [slot] = await server.rows<{ name: string }>(
    "SELECT slot_name AS name FROM pg_replication_slots WHERE slot_name LIKE 'zeroetl%' AND slot_name NOT LIKE '%_copy'",
  );
  if (slot === undefined) throw new Error("the integration has a slot");
  return slot.name;
}

async function timeRecvlogical(program: string, url: string, end: string): Promise<number> {
  const started = performance.now();
  const options = ["proto_version=1", "publication_names=reference", "binary=true"].flatMap((option) => [
    "-o",
    option,
  ]);
  const child = spawn(
    program,
    ["-d", url, "--slot=reference", "--start", "--no-loop", `--endpos=${end}`, "-f", "-", ...options],
    { stdio: ["ignore", openSync("/dev/null", "w"), "inherit"] },
  );
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`pg_recvlogical ended with ${code}`);
  return (performance.now() - started) / 1000;
}

/** Watches a slot from the source's side, which believes nobody. */
class Watch implements AsyncDisposable {
  readonly #client: pg.Client;
  readonly #end: string;

  private constructor(client: pg.Client, end: string) {
    this.#client = client;
    this.#end = end;
  }

  static async open(server: TestPostgres, end: string): Promise<Watch> {
    return new Watch(await server.connect(), end);
  }

  /** Seconds from the moment a client reads the slot to its confirming the end of the log. */
  async caughtUp(slot: string): Promise<number> {
    await until(`slot ${slot} is read`, () => this.#holds(slot, "active"), 60_000);
    const started = performance.now();
    await until(
      `slot ${slot} is confirmed`,
      () => this.#holds(slot, `confirmed_flush_lsn >= '${this.#end}'`),
      900_000,
    );
    return (performance.now() - started) / 1000;
  }

  async #holds(slot: string, condition: string): Promise<boolean> {
    const { rows } = await this.#client.query<{ holds: boolean }>(
      `SELECT ${condition} AS holds FROM pg_replication_slots WHERE slot_name = $1`,
      [slot],
    );
    return rows[0]?.holds === true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end();
  }
}
