import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TestPostgres } from "../test/support/postgres.ts";
import type { OperatorIntegration, ServiceProcess } from "../test/support/service.ts";
import { until } from "../test/support/until.ts";
import { median, print, printMemory, round, shown } from "./report.ts";
import { startOnCatalog } from "./service.ts";
import { cpuSeconds, Meter, residentMiB } from "./usage.ts";

export interface TablesOptions {
  readonly tables: number;
  /** How long the idle service is watched. */
  readonly seconds: number;
}

const newTables = 5;
/** Asking for the states of all tables is work for the service. */
const lookMs = 1_000;
/** Until the rows of all tables have been counted: a hundred a second. */
const settleMs = 120_000;
const tablesPerStatement = 500;

/** A schema of many tables of two rows: its copy, what it costs while nothing happens, a new table, and `verify`. */
export async function benchTables({ tables, seconds }: TablesOptions): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-bench-"));
  try {
    await using server = await TestPostgres.start({ settings: { shared_buffers: "256MB" } });
    print(`making ${tables.toLocaleString("en")} tables …`);
    await makeTables(server, tables);
    await using service = await startOnCatalog({ directory, sourceUrl: server.url() });
    const bench = { server, service };
    const meter = Meter.start(service.pid);
    const copied = await copyAll(bench, tables);
    const usage = meter.used();
    print(
      `active after ${copied.seconds.toFixed(1)} s; no progress to be seen for ${copied.stillSeconds.toFixed(1)} s at most`,
    );
    printMemory(usage);
    await sleep(settleMs);
    const idle = await idleCost(bench, seconds);
    print(
      `idle: the service takes ${percent(idle.service)} of a core, its source ${percent(idle.source)}; ${shown(residentMiB(service.pid), "MiB")}`,
    );
    const visible: number[] = [];
    for (let index = 0; index < newTables; index++) visible.push(await newTable(bench, index));
    print(
      `a new table is visible after ${median(visible).toFixed(1)} s, at most ${Math.max(...visible).toFixed(1)} s`,
    );
    const started = performance.now();
    const lines = await service.verify();
    const verifySeconds = (performance.now() - started) / 1000;
    const equal = lines.filter(({ result }) => result === "equal").length;
    print(
      `verify: ${equal} tables equal in ${verifySeconds.toFixed(1)} s, ${Math.round(equal / verifySeconds)} a second`,
    );
    print(
      JSON.stringify({
        bench: "tables",
        tables,
        activeSeconds: round(copied.seconds),
        stillSeconds: round(copied.stillSeconds),
        usage,
        idle: { service: round(idle.service), source: round(idle.source) },
        newTableSeconds: visible.map(round),
        verifyPerSecond: round(equal / verifySeconds),
      }),
    );
    if (equal !== tables + newTables) throw new Error("source and warehouse differ");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Bench {
  readonly server: TestPostgres;
  readonly service: ServiceProcess;
}

async function makeTables(server: TestPostgres, tables: number): Promise<void> {
  for (let first = 0; first < tables; first += tablesPerStatement)
    await server.run(
      `DO $$ BEGIN FOR i IN ${first} .. ${Math.min(tables, first + tablesPerStatement) - 1} LOOP
         EXECUTE format('CREATE TABLE t%s (id bigint PRIMARY KEY, name text NOT NULL, price numeric(12,2), at timestamptz)', i);
         EXECUTE format('INSERT INTO t%s VALUES (1, ''one'', 1.25, now()), (2, ''two'', 2.5, now())', i);
       END LOOP; END $$`,
    );
  await server.run(["VACUUM ANALYZE", "CHECKPOINT"]);
}

/** `stillSeconds`: the longest time during which `status` showed the same number of tables in step. */
async function copyAll(
  { service }: Bench,
  tables: number,
): Promise<{ readonly seconds: number; readonly stillSeconds: number }> {
  const started = performance.now();
  await service.create("include: postgres.public.*");
  let [seen, seenAt, stillMs, synced] = ["", started, 0, 0];
  await until(
    "the integration is active",
    async () => {
      await sleep(lookMs);
      const [integration] = await service.integrations();
      const found = progressOf(integration);
      const now = performance.now();
      if (found !== seen) [seen, seenAt] = [found, now];
      stillMs = Math.max(stillMs, now - seenAt);
      synced = integration?.tables.filter(({ state }) => state === "Synced").length ?? 0;
      return integration?.status === "active";
    },
    1_800_000,
  );
  if (synced !== tables) throw new Error(`${synced} tables are in step`);
  return { seconds: (performance.now() - started) / 1000, stillSeconds: stillMs / 1000 };
}

/** What a person who asks again and again sees moving. */
function progressOf(integration: OperatorIntegration | undefined): string {
  const counts = new Map<string, number>();
  for (const { state } of integration?.tables ?? []) counts.set(state, (counts.get(state) ?? 0) + 1);
  const streams = integration?.streams.map(({ phase, copiesWaiting }) => [phase, copiesWaiting]);
  return JSON.stringify([integration?.status, streams, [...counts]]);
}

async function idleCost({ server, service }: Bench, seconds: number) {
  const postmaster = Number(
    (await readFile(join(server.directory, "data", "postmaster.pid"), "utf8")).split("\n")[0],
  );
  const before = [cpuSeconds(service.pid), cpuSeconds(postmaster)];
  await sleep(seconds * 1000);
  const [ours = 0, source = 0] = [cpuSeconds(service.pid), cpuSeconds(postmaster)].map(
    (after, index) => (after - (before[index] ?? 0)) / seconds,
  );
  return { service: ours, source };
}

async function newTable({ server, service }: Bench, index: number): Promise<number> {
  const name = `later${index}`;
  await server.run([`CREATE TABLE ${name} (id int PRIMARY KEY)`, `INSERT INTO ${name} VALUES (1)`]);
  const started = performance.now();
  await until(
    "the new table is visible",
    async () => {
      await sleep(50);
      const rows = await service.query(`SELECT count(*) FROM postgres.public.${name}`).catch(() => []);
      return rows[0]?.[0] === "1";
    },
    120_000,
  );
  return (performance.now() - started) / 1000;
}

const percent = (share: number) => shown(share * 100, "%", 1);
