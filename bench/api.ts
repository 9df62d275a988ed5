import { DescribeIntegrationsCommand } from "@aws-sdk/client-rds";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { TestPostgres } from "../test/support/postgres.ts";
import { credentials, region, sourceArnOf, type ServiceProcess } from "../test/support/service.ts";
import { until } from "../test/support/until.ts";
import type { LoadJob, LoadResult } from "./load.ts";
import { Moto } from "../test/support/moto.ts";
import { createInstances } from "./moto.ts";
import { median, print, printMemory, round } from "./report.ts";
import { startOnCatalog } from "./service.ts";
import { Meter, type Usage } from "./usage.ts";

export interface ApiBenchOptions {
  readonly seconds: number;
  readonly runs: number;
  readonly connections: number;
}

/** As many as a page may have, and as an account may have. */
const records = 100;
/** Of the integrations and of their sources: AWS allows one between a source and a target. */
const names = Array.from({ length: records }, (_, index) => `shop-${index + 1}`);
const warmUpSeconds = 3;
const loadGenerator = fileURLToPath(new URL("./load.js", import.meta.url));

interface Run {
  readonly reference: LoadResult;
  readonly ours: LoadResult;
}

/**
 * Listing 100 integrations, every request with a signature that is verified, against moto's listing of as many database
 * instances. Both answer the same clients in turn; the service goes on looking after its integrations meanwhile.
 */
export async function benchApi(options: ApiBenchOptions): Promise<void> {
  const { seconds, runs } = options;
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-bench-"));
  try {
    await using moto = await Moto.start();
    await createInstances(moto, records);
    await using server = await TestPostgres.start();
    await using service = await startOnCatalog({
      directory,
      sourceUrl: server.url(),
      otherSources: names,
    });
    const meter = Meter.start(service.pid);
    await createIntegrations(service);
    const reference = jobOf(options, moto.endpoint, { action: "DescribeDBInstances", element: "DBInstance" });
    const ours = jobOf(options, service.endpoint, { action: "DescribeIntegrations", element: "Integration" });
    for (const job of [reference, ours]) await load({ ...job, seconds: warmUpSeconds });
    const results: Run[] = [];
    for (let run = 1; run <= runs; run++) {
      const result = { reference: await load(reference), ours: await load(ours) };
      results.push(result);
      print(`run ${run} of ${runs}, ${seconds} s each, ${options.connections} connections`);
      printRun(result);
    }
    const usage = meter.used();
    printMemory(usage);
    printSummary(options, results, usage);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Their database does not exist, so that all come to rest in one status, and are tried again now and then. */
async function createIntegrations(service: ServiceProcess): Promise<void> {
  for (const name of names)
    await service.create("include: absent.public.orders", name, { SourceArn: sourceArnOf(name) });
  await until("all integrations need attention", async () => {
    const { Integrations = [] } = await service.rds.send(new DescribeIntegrationsCommand());
    return (
      Integrations.length === records && Integrations.every(({ Status }) => Status === "needs_attention")
    );
  });
}

function jobOf(
  { connections, seconds }: ApiBenchOptions,
  endpoint: string,
  what: Pick<LoadJob, "action" | "element">,
): LoadJob {
  return { ...what, endpoint, connections, seconds, records, region, credentials };
}

async function load(job: LoadJob): Promise<LoadResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [loadGenerator, JSON.stringify(job)]);
  return JSON.parse(stdout) as LoadResult;
}

function printRun({ reference, ours }: Run): void {
  print(
    `${"".padEnd(44)}${"per s".padStart(9)}${"p50 ms".padStart(9)}${"p99 ms".padStart(9)}${"ratio".padStart(8)}`,
  );
  const line = (what: string, { perSecond, p50, p99, bytes }: LoadResult): void =>
    print(
      `${what}, ${Math.round(bytes / 1024)} KiB`.padEnd(44) +
        perSecond.toFixed(1).padStart(9) +
        p50.toFixed(1).padStart(9) +
        p99.toFixed(1).padStart(9) +
        (perSecond / reference.perSecond).toFixed(2).padStart(8),
    );
  line("moto, DescribeDBInstances", reference);
  line("zeroetl, DescribeIntegrations", ours);
}

function printSummary(
  { connections, seconds }: ApiBenchOptions,
  results: readonly Run[],
  usage: Usage,
): void {
  const ratios = results.map(({ reference, ours }) => round(ours.perSecond / reference.perSecond));
  print(
    JSON.stringify({
      bench: "api",
      records,
      connections,
      seconds,
      ratios,
      ratio: median(ratios),
      perSecond: round(median(results.map(({ ours }) => ours.perSecond))),
      p99: round(median(results.map(({ ours }) => ours.p99))),
      peakMiB: usage.peakMiB,
      runs: results,
    }),
  );
}
