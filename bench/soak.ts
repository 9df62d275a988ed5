import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeShop, shopTables } from "../src/cli/demo/shop-schema.ts";
import { ShopWriter } from "../src/cli/demo/shop-writer.ts";
import { TestPostgres } from "../test/support/postgres.ts";
import { print, printMemory } from "./report.ts";
import { startOnCatalog } from "./service.ts";
import { Meter } from "./usage.ts";

export interface SoakOptions {
  readonly rows: number;
  readonly perSecond: number;
  readonly seconds: number;
}

/** A shop that is written to before, during and after the copy; then source and warehouse are compared. */
export async function benchSoak({ rows, perSecond, seconds }: SoakOptions): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-bench-"));
  try {
    await using server = await TestPostgres.start({ settings: { shared_buffers: "512MB" } });
    print(`making a shop of ${rows.toLocaleString("en")} rows …`);
    const client = await server.connect();
    await makeShop(client, rows);
    await client.end();
    await using service = await startOnCatalog({ directory, sourceUrl: server.url() });
    const meter = Meter.start(service.pid);
    const writer = ShopWriter.start({ url: server.url(), rate: perSecond, connections: 8 });
    const started = performance.now();
    await service.create("include: postgres.public.*");
    await service.status("active", { deadlineMs: 600_000 });
    print(`active after ${((performance.now() - started) / 1000).toFixed(1)} s, while it was written to`);
    await sleep(Math.max(0, seconds * 1000 - (performance.now() - started)));
    const during = await service.verify();
    const { transactions, changes, failures } = writer.measures();
    const elapsed = (performance.now() - started) / 1000;
    await writer[Symbol.asyncDispose]();
    const after = await service.verify();
    print(
      `${transactions} transactions (${Math.round(transactions / elapsed)} a second), ${changes} changes, ${failures} refused`,
    );
    const usage = meter.used();
    printMemory(usage);
    const equal = [during, after].map((lines) => JSON.stringify(lines).match(/"equal"/g)?.length ?? 0);
    for (const line of after) print(JSON.stringify(line));
    print(
      JSON.stringify({
        bench: "soak",
        rows,
        transactions,
        changes,
        seconds: elapsed,
        tables: shopTables.length,
        equalWhileWritten: equal[0],
        equalAfter: equal[1],
        usage,
      }),
    );
    if (equal.some((tables) => tables !== shopTables.length)) throw new Error("source and warehouse differ");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
