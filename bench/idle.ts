import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TestPostgres } from "../test/support/postgres.ts";
import { sourceArnOf } from "../test/support/service.ts";
import { print, round, shown } from "./report.ts";
import { startOnCatalog } from "./service.ts";
import { cpuSeconds, residentMiB } from "./usage.ts";

export interface IdleOptions {
  readonly integrations: number;
  readonly tables: number;
  /** How long the idle service is watched. */
  readonly seconds: number;
}

/** Until the work after the copies is done, such as counting the tables' rows. */
const settleMs = 30_000;

/** The cost of a service whose integrations are active and whose sources do not change, each a database of its own. */
export async function benchIdle({ integrations, tables, seconds }: IdleOptions): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-bench-"));
  const names = Array.from({ length: integrations }, (_, index) => `shop${index + 1}`);
  try {
    const places = String(2 * integrations + 20);
    const settings = { max_wal_senders: places, max_replication_slots: places, max_connections: "500" };
    await using server = await TestPostgres.start({ settings });
    for (const name of names) await makeDatabase(server, name, tables);
    await using service = await startOnCatalog({ directory, sourceUrl: server.url(), otherSources: names });
    for (const name of names)
      await service.create(`include: ${name}.public.*`, name, { SourceArn: sourceArnOf(name) });
    for (const name of names) await service.status("active", { name, deadlineMs: 300_000 });
    await sleep(settleMs);
    const [cpuBefore, firstMiB] = [cpuSeconds(service.pid), residentMiB(service.pid)];
    await sleep(seconds * 1000);
    const share = (cpuSeconds(service.pid) - cpuBefore) / seconds;
    const lastMiB = residentMiB(service.pid);
    print(
      `${integrations} idle integrations for ${seconds} s: ${shown(share * 100, "%", 1)} of a core, ` +
        `${shown(firstMiB, "MiB")} at first, ${shown(lastMiB, "MiB")} at last`,
    );
    print(
      JSON.stringify({
        bench: "idle",
        integrations,
        tables,
        seconds,
        share: round(share),
        firstMiB,
        lastMiB,
      }),
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function makeDatabase(server: TestPostgres, name: string, tables: number): Promise<void> {
  await server.run(`CREATE DATABASE ${name}`);
  await server.run(
    `DO $$ BEGIN FOR i IN 1 .. ${tables} LOOP
       EXECUTE format('CREATE TABLE t%s (id bigint PRIMARY KEY, name text)', i);
       EXECUTE format('INSERT INTO t%s SELECT n, n FROM generate_series(1, 1000) AS n', i);
     END LOOP; END $$`,
    name,
  );
}
