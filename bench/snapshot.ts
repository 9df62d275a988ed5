import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestPostgres } from "../test/support/postgres.ts";
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
import { shapes, type ShapeName } from "./shapes.ts";
import { Meter, type Usage } from "./usage.ts";
import { makeBenchTable } from "./table.ts";

export interface SnapshotOptions {
  readonly shape: ShapeName;
  /** The shape's own number if absent. */
  readonly rows?: number;
  readonly runs: number;
  readonly path: string;
}

/** Create to active with all rows in the warehouse, against `COPY … (FORMAT binary)` of the same table into /dev/null. */
export async function benchSnapshot({ shape, runs, path, ...options }: SnapshotOptions): Promise<void> {
  const { rows = shapes[shape].rows } = options;
  const psql = findProgram("psql", path);
  await using server = await TestPostgres.start({
    settings: { shared_buffers: "512MB", max_wal_size: "8GB" },
  });
  print(`making a table of ${rows.toLocaleString("en")} ${shape} rows …`);
  await makeBenchTable(server, rows, shapes[shape]);
  const results: { reference: number; ours: number; usage: Usage }[] = [];
  for (let run = 1; run <= runs; run++) {
    const reference = await timeCopy(psql, server.url());
    const { seconds: ours, usage } = await timeIntegration(server.url());
    results.push({ reference, ours, usage });
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
    printMemory(usage);
    printProcessor(usage, rows, "rows");
  }
  const ratios = results.map(({ reference, ours }) => round(reference / ours));
  print(
    JSON.stringify({
      bench: "snapshot",
      shape,
      rows,
      ratios,
      ratio: median(ratios),
      cpuSecondsPerMillion: round(median(results.map(({ usage }) => cpuPerMillion(usage, rows)))),
      usage: results.map(({ usage }) => usage),
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

async function timeIntegration(sourceUrl: string): Promise<{ seconds: number; usage: Usage }> {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-bench-"));
  try {
    await using service = await startOnCatalog({ directory, sourceUrl });
    const meter = Meter.start(service.pid);
    const started = performance.now();
    await service.create("include: postgres.public.bench");
    await service.status("active", { deadlineMs: 900_000 });
    const seconds = (performance.now() - started) / 1000;
    const usage = meter.used();
    await service.remove();
    return { seconds, usage };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
