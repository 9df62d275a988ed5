import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestPostgres } from "../test/support/postgres.ts";
import { copyByDuckDb, duckDbInstallation, hasDuckDb, type DuckDbCopy } from "./duckdb.ts";
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

interface Run {
  readonly copy: number;
  /** Undefined where it is not installed. */
  readonly duckDb: DuckDbCopy | undefined;
  readonly ours: number;
  readonly usage: Usage;
}

/**
 * Create to active with all rows in the warehouse, against `COPY … (FORMAT binary)` of the same table into /dev/null, and
 * against a copy by DuckDB's own extension for PostgreSQL.
 */
export async function benchSnapshot({ shape, runs, path, ...options }: SnapshotOptions): Promise<void> {
  const { rows = shapes[shape].rows } = options;
  const psql = findProgram("psql", path);
  await using server = await TestPostgres.start({
    settings: { shared_buffers: "512MB", max_wal_size: "8GB" },
  });
  print(`making a table of ${rows.toLocaleString("en")} ${shape} rows …`);
  await makeBenchTable(server, rows, shapes[shape]);
  const withDuckDb = hasDuckDb();
  if (!withDuckDb)
    print(`DuckDB's extension for PostgreSQL is not measured. To install it: ${duckDbInstallation}`);
  const results: Run[] = [];
  for (let run = 1; run <= runs; run++) {
    const copy = await timeCopy(psql, server.url());
    const duckDb = withDuckDb ? await copyByDuckDb(server.url()) : undefined;
    const { seconds: ours, usage } = await timeIntegration(server.url());
    const result = { copy, duckDb, ours, usage };
    results.push(result);
    print(`run ${run} of ${runs}`);
    printRun(result, rows);
  }
  printSummary(results, { shape, rows });
}

function printRun({ copy, duckDb, ours, usage }: Run, rows: number): void {
  const line = (what: string, seconds: number) => ({
    what,
    seconds,
    perSecond: rows / seconds,
    ratio: copy / seconds,
  });
  printMeasurements([
    line("psql COPY … (FORMAT binary) > /dev/null", copy),
    ...(duckDb === undefined
      ? []
      : [line(`DuckDB ${duckDb.version}, CREATE TABLE AS FROM postgres`, duckDb.seconds)]),
    line("zeroetl, create to active", ours),
  ]);
  printMemory(usage);
  printProcessor(usage, rows, "rows");
}

function printSummary(
  results: readonly Run[],
  of: { readonly shape: ShapeName; readonly rows: number },
): void {
  const ratios = results.map(({ copy, ours }) => round(copy / ours));
  const ratiosToDuckDb = results.flatMap(({ duckDb, ours }) =>
    duckDb === undefined ? [] : [round(duckDb.seconds / ours)],
  );
  print(
    JSON.stringify({
      bench: "snapshot",
      ...of,
      ratios,
      ratio: median(ratios),
      ...(ratiosToDuckDb.length > 0 && {
        duckDb: results[0]?.duckDb?.version,
        ratiosToDuckDb,
        ratioToDuckDb: median(ratiosToDuckDb),
      }),
      cpuSecondsPerMillion: round(median(results.map(({ usage }) => cpuPerMillion(usage, of.rows)))),
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
