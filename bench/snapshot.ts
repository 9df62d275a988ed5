import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestPostgres } from "../test/support/postgres.ts";
import { peakMiB, residentMiB, resetPeak } from "./memory.ts";
import { findProgram } from "./programs.ts";
import { median, print, printMeasurements, printMemory, round, type Memory } from "./report.ts";
import { ServiceProcess } from "../test/support/service.ts";
import { makeBenchTable } from "./table.ts";

export interface SnapshotOptions {
  readonly rows: number;
  readonly runs: number;
  readonly path: string;
}

/** Create to active with all rows in the warehouse, against `COPY … (FORMAT binary)` of the same table into /dev/null. */
export async function benchSnapshot({ rows, runs, path }: SnapshotOptions): Promise<void> {
  const psql = findProgram("psql", path);
  await using server = await TestPostgres.start({
    settings: { shared_buffers: "512MB", max_wal_size: "8GB" },
  });
  print(`making a table of ${rows.toLocaleString("en")} rows …`);
  await makeBenchTable(server, rows);
  const results: { reference: number; ours: number; memory: Memory }[] = [];
  for (let run = 1; run <= runs; run++) {
    const reference = await timeCopy(psql, server.url());
    const { seconds: ours, memory } = await timeIntegration(server.url());
    results.push({ reference, ours, memory });
    print(`run ${run} of ${runs}`);
    printMeasurements([
      {
        what: "psql COPY … (FORMAT binary) > /dev/null",
        seconds: reference,
        perSecond: rows / reference,
        ratio: 1,
      },
      { what: "zeroetl, create to active", seconds: ours, perSecond: rows / ours, ratio: reference / ours },
    ]);
    printMemory(memory);
  }
  const ratios = results.map(({ reference, ours }) => round(reference / ours));
  print(
    JSON.stringify({
      bench: "snapshot",
      rows,
      ratios,
      ratio: median(ratios),
      memory: results.map(({ memory }) => memory),
    }),
  );
}

async function timeCopy(psql: string, url: string): Promise<number> {
  const started = performance.now();
  const copy = spawn(psql, [url, "-qc", "COPY bench TO STDOUT (FORMAT binary)"], {
    stdio: ["ignore", openSync("/dev/null", "w"), "inherit"],
  });
  const [code] = (await once(copy, "exit")) as [number | null];
  if (code !== 0) throw new Error(`psql ended with ${code}`);
  return (performance.now() - started) / 1000;
}

async function timeIntegration(sourceUrl: string): Promise<{ seconds: number; memory: Memory }> {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-bench-"));
  try {
    await using service = await ServiceProcess.start({ directory, sourceUrl });
    const idleMiB = residentMiB(service.pid);
    resetPeak(service.pid);
    const started = performance.now();
    await service.create("include: postgres.public.bench");
    await service.status("active", { deadlineMs: 900_000 });
    const seconds = (performance.now() - started) / 1000;
    const memory = { idleMiB, peakMiB: peakMiB(service.pid) };
    await service.remove();
    return { seconds, memory };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
