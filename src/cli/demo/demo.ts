import { CreateIntegrationCommand, DescribeIntegrationsCommand, RDSClient } from "@aws-sdk/client-rds";
import { relative, resolve } from "node:path";
import { present } from "../../base/assert.ts";
import { pause } from "../../base/backoff.ts";
import { CodedError } from "../../base/errors.ts";
import type { IntegrationReport, VerificationLine } from "../../model/operator.ts";
import { calledAs } from "../command-name.ts";
import type { ServiceClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import type { Terminal } from "../terminal.ts";
import { bar, counted, duration, grouped, shellQuoted } from "../text.ts";
import { isProven, printVerification, sentence, summaryOf } from "../commands/verify.ts";
import { DemoDirectory } from "./demo-directory.ts";
import { DemoService } from "./demo-service.ts";
import { EmbeddedServer } from "./embedded-server.ts";
import { LagMeter } from "./lag-meter.ts";
import { makeShop, shopTables } from "./shop-schema.ts";
import { ShopWriter } from "./shop-writer.ts";

export interface DemoFlags {
  readonly rows: number;
  readonly rate: number;
  readonly seconds?: number;
}

const shop = "shop";
const analytics = "analytics";
const standardPort = 5440;
const standardDirectory = "zeroetl-demo";
const connections = 4;
/** How often progress is printed: on a terminal, and in a log. */
const showEveryMs = { interactive: 250, else: 5000 } as const;
const liveDeadlineMs = 15 * 60_000;

/** The running parts of the demo. */
interface Running {
  readonly terminal: Terminal;
  /** Also aborted when the service ends by itself. */
  readonly signal: AbortSignal;
  readonly server: EmbeddedServer;
  readonly client: ServiceClient;
  readonly writer: ShopWriter;
  readonly rds: RDSClient;
  readonly flags: DemoFlags;
  /** Of the service. */
  readonly directory: string;
}

/** `zeroetl demo`: the main use case, with nothing else installed. Leaves no processes or files behind. */
export async function demo(context: CommandContext, flags: DemoFlags): Promise<number> {
  const { terminal, signal } = context;
  try {
    await using directory = await DemoDirectory.take(context.flags.dataDir ?? standardDirectory);
    await terminal.redraw("Starting PostgreSQL …");
    await using server = await EmbeddedServer.start((path) => directory.rememberServer(path), signal);
    await fillShop({ server, rows: flags.rows, terminal });
    await using writer = ShopWriter.start({ url: server.url(shop), rate: flags.rate, connections });
    await terminal.redraw("Starting the service …");
    await using service = await startService(context, directory.path, server);
    const { client } = service;
    const rds = rdsClient(client);
    const running = { terminal, signal: service.signal, server, client, writer, rds, flags };
    try {
      return await show({ ...running, directory: directory.path });
    } catch (error) {
      throw await service.reasonOf(error);
    } finally {
      rds.destroy();
      await terminal.redraw("Stopping …");
    }
  } catch (error) {
    // An interrupt by a person is the normal end of a demo without --seconds.
    if (!signal.aborted) throw error;
    return 0;
  } finally {
    if (terminal.isInteractive) await terminal.redraw("");
  }
}

async function fillShop({
  server,
  rows,
  terminal,
}: {
  server: EmbeddedServer;
  rows: number;
  terminal: Terminal;
}) {
  const started = performance.now();
  await terminal.redraw("Filling the shop …");
  const admin = await server.connect("postgres");
  await admin.query(`CREATE DATABASE ${shop}`);
  await admin.end();
  const client = await server.connect(shop);
  await makeShop(client, rows);
  await LagMeter.prepare(client);
  const { rows: versions } = await client.query<{ server_version: string }>("SHOW server_version");
  await client.end();
  await terminal.print(
    `PostgreSQL ${versions[0]?.server_version ?? ""} with a small shop: ${shopTables.length} tables, about ${grouped(rows)} rows (${since(started)})`,
  );
}

/** Uses the standard port, or a free port if the service does not start there: another program may use the port. */
async function startService(
  { flags, signal }: CommandContext,
  directory: string,
  server: EmbeddedServer,
): Promise<DemoService> {
  const startOn = async (port: number): Promise<DemoService> =>
    DemoService.start(
      {
        directory,
        settings: {
          listen: { api: `127.0.0.1:${port}` },
          sources: [{ name: shop, engine: "postgres", url: server.url(shop) }],
          targets: [{ name: analytics, engine: "duckdb" }],
        },
        isDebug: flags.debug === true,
        program: [process.execPath, ...process.execArgv, present(process.argv[1], "a program runs")],
      },
      signal,
    );
  try {
    return await startOn(standardPort);
  } catch {
    signal.throwIfAborted();
    return startOn(0);
  }
}

function rdsClient({ api, region, credential }: ServiceClient): RDSClient {
  const { accessKeyId, secretAccessKey } = credential;
  return new RDSClient({
    endpoint: api,
    region,
    credentials: { accessKeyId, secretAccessKey: secretAccessKey.reveal() },
  });
}

async function show(running: Running): Promise<number> {
  const { terminal, client, rds, flags, server, signal } = running;
  await terminal.print(`The service with the RDS API: ${client.api}`);
  const { sources, targets } = await client.ask("status", {}, signal);
  await rds.send(
    new CreateIntegrationCommand({
      IntegrationName: shop,
      SourceArn: sources[0]?.arn,
      TargetArn: targets[0]?.arn,
      DataFilter: `include: ${shop}.*.*`,
    }),
  );
  const copySeconds = await untilLive(running);
  await invite(running);
  const connection = await server.connect(shop);
  try {
    const query = (sql: string, stop: AbortSignal) => client.lines("query", { sql }, stop);
    await using meter = LagMeter.start({ shop: connection, query, database: shop });
    await watch(running, meter);
    if (flags.seconds === undefined) return 0;
    return await conclude(running, meter, copySeconds);
  } finally {
    await connection.end().catch(() => {});
  }
}

/** Shows the copy until the API reports that the integration is active; returns how long it took. */
async function untilLive(running: Running): Promise<number> {
  const { terminal, signal } = running;
  const started = performance.now();
  const showEvery = terminal.isInteractive ? showEveryMs.interactive : showEveryMs.else;
  let nextShow = showEvery;
  for (;;) {
    if ((await isActive(running)) === true) break;
    const waited = performance.now() - started;
    if (waited > liveDeadlineMs)
      throw new CodedError("DEMO_SERVER", "The warehouse did not become live within 15 minutes");
    if (waited >= nextShow || terminal.isInteractive) {
      await showCopy(running);
      nextShow = waited + showEvery;
    }
    await pause(100, signal);
  }
  const integrations = await reports(running);
  const seconds = (performance.now() - started) / 1000;
  const tables = integrations.flatMap((integration) => integration.tables);
  await terminal.print(
    terminal.good(`The warehouse is live after ${duration(seconds)}`) +
      `: ${counted(copiedRows(integrations), "row")} copied in ${counted(tables.length, "table")}, written to all the while.`,
  );
  return seconds;
}

/** Uses the API like any other client. */
async function isActive({ rds, signal }: Running): Promise<boolean> {
  const describe = new DescribeIntegrationsCommand({ IntegrationIdentifier: shop });
  const { Integrations } = await rds.send(describe, { abortSignal: signal });
  const { Status, Errors } = Integrations?.[0] ?? {};
  const [error] = Errors ?? [];
  if (Status === "needs_attention" || Status === "failed")
    throw new CodedError(
      "DEMO_SERVER",
      `The integration is ${Status}: ${error?.ErrorCode}: ${error?.ErrorMessage}`,
    );
  return Status === "active";
}

async function showCopy(running: Running): Promise<void> {
  const { terminal, flags } = running;
  const copied = copiedRows(await reports(running));
  const counts = `${grouped(copied)} of about ${grouped(flags.rows)} rows`;
  if (terminal.isInteractive) await terminal.redraw(`Copying ${bar(copied / flags.rows, 30)} ${counts}`);
  else await terminal.print(`Copying: ${counts}`);
}

async function reports({ client, signal }: Running): Promise<readonly IntegrationReport[]> {
  return (await client.ask("status", {}, signal)).integrations;
}

function copiedRows(integrations: readonly IntegrationReport[]): number {
  return integrations.flatMap(({ streams }) => streams).reduce((sum, stream) => sum + stream.copiedRows, 0);
}

/** Explains how to explore the demo. Every line can be pasted unchanged. */
async function invite({ terminal, client, directory, server, flags }: Running): Promise<void> {
  const { accessKeyId, secretAccessKey } = client.credential;
  const near = relative(process.cwd(), directory);
  const where = `--data-dir ${shellQuoted(near.startsWith("..") ? resolve(directory) : near)}`;
  const lines = [
    "",
    "Look for yourself in another terminal:",
    "",
    `  ${calledAs()} query ${where} 'SELECT status, count(*), sum(total)`,
    `    FROM ${shop}.public.orders GROUP BY ALL'`,
    `  ${calledAs()} status ${where}`,
    "",
    `  export AWS_ACCESS_KEY_ID=${accessKeyId} AWS_DEFAULT_REGION=${client.region}`,
    `  export AWS_SECRET_ACCESS_KEY=${secretAccessKey.reveal()}`,
    `  aws rds describe-integrations --endpoint-url ${client.api}`,
    "",
    `The shop itself, to commit rows of your own: ${server.url(shop)}`,
    "",
    flags.seconds === undefined ? "Ctrl-C stops it all." : `It stops automatically after ${flags.seconds} s.`,
  ];
  for (const line of lines) await terminal.print(line);
}

async function watch(running: Running, meter: LagMeter): Promise<void> {
  const { terminal, signal, flags } = running;
  const endMs = performance.now() + (flags.seconds ?? Infinity) * 1000;
  const everyMs = terminal.isInteractive ? showEveryMs.interactive : showEveryMs.else;
  while (performance.now() < endMs) {
    await pause(Math.min(everyMs, Math.max(1, endMs - performance.now())), signal);
    const line = await lagLine(running, meter);
    if (terminal.isInteractive) await terminal.redraw(line);
    else await terminal.print(line);
  }
}

async function lagLine(running: Running, meter: LagMeter): Promise<string> {
  const changes = await changesApplied(running);
  const written = `${grouped(running.writer.measures().transactions)} transactions written, ${grouped(changes)} changes applied`;
  return `Lag ${lagText(meter)} · ${written}`;
}

function lagText(meter: LagMeter): string {
  const lag = meter.measures();
  return lag === undefined
    ? "unknown yet"
    : `p50 ${duration(lag.p50Seconds)}, p99 ${duration(lag.p99Seconds)}`;
}

async function changesApplied(running: Running): Promise<number> {
  const integrations = await reports(running);
  return integrations.flatMap(({ streams }) => streams).reduce((sum, { changes }) => sum + changes, 0);
}

/** Prints the summary, with a comparison of both sides while writes to the shop continue. */
async function conclude(running: Running, meter: LagMeter, copySeconds: number): Promise<number> {
  const { terminal, client, writer, signal } = running;
  await terminal.redraw("Comparing source and warehouse …");
  const integrations = await reports(running);
  const lines: VerificationLine[] = [];
  for await (const line of client.lines("verify", { integration: shop }, signal)) lines.push(line);
  const verified = summaryOf(lines);
  const isEqual = isProven(verified) && verified.skipped === 0;
  if (!isEqual) await printVerification(lines, terminal);
  const { transactions, changes } = writer.measures();
  const summary = [
    "",
    terminal.bold("Summary"),
    `  rows copied      ${grouped(copiedRows(integrations))} in ${duration(copySeconds)}`,
    `  written          ${grouped(transactions)} transactions, ${grouped(changes)} changed rows`,
    `  changes applied  ${grouped(await changesApplied(running))}`,
    `  lag              ${lagText(meter)}, from commit until visible in a query (${counted(meter.measures()?.samples ?? 0, "sample")})`,
    `  verify           ${sentence(verified)}`,
  ];
  for (const line of summary) await terminal.print(line);
  return isEqual ? 0 : 1;
}

function since(started: number): string {
  return duration((performance.now() - started) / 1000);
}
