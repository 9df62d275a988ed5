import { CodedError } from "../base/errors.ts";
import type { Configuration, ConfiguredSource } from "../config.ts";
import { keyStoreOf } from "../configured-key-store.ts";
import { placesIn, readServiceRecord } from "../data-directory.ts";
import { parseDataFilter } from "../model/data-filter.ts";
import type { Finding } from "../model/finding.ts";
import type { SourceUnit } from "../runtime/keeper.ts";
import type { IntegrationReport, StatusReport } from "../runtime/operator.ts";
import { sourceUnits, targetEngineOf } from "../service.ts";
import type { CommandContext } from "./context.ts";
import { clientOf, configurationOfFlags } from "./context.ts";
import type { Terminal } from "./terminal.ts";
import { counted } from "./text.ts";

/** No integration has it: what a preflight looks for under it is never there. */
const nobody = "00000000-0000-0000-0000-000000000000";

/**
 * `zeroetl check`: one line a finding, with what mends it; exit 1 if anything blocks. Where a service runs, the tables
 * that its integrations select are looked at, too.
 */
export async function check(context: CommandContext, only: string | undefined): Promise<number> {
  const { terminal, signal, flags } = context;
  const configuration = await configurationOfFlags(flags);
  const units = sourceUnits(configuration);
  const sources = configuration.sources.filter(
    ({ resource }) => only === undefined || resource.name === only,
  );
  if (only !== undefined && sources.length === 0) throw unknownSource(only, configuration);
  const integrations = await runningIntegrations(context);
  const all: Finding[] = [];
  for (const source of sources) {
    const { arn, name } = source.resource;
    const unit = units.get(arn);
    if (unit === undefined) continue;
    const findings = await checkSource(source, unit, signal);
    await printFindings(`source ${name}`, findings, terminal);
    all.push(...findings);
    for (const integration of integrations.filter((each) => each.source === name)) {
      const ofTables = await checkScope(integration, unit, signal);
      await printFindings(`integration ${integration.name}, tables of its data filter`, ofTables, terminal);
      all.push(...ofTables);
    }
  }
  if (only === undefined) {
    const findings = (await (await keyStoreOf(configuration))?.check(signal)) ?? [];
    if (findings.length > 0) await printFindings("kms", findings, terminal);
    all.push(...findings);
    for (const { resource, engine } of configuration.targets) {
      const directory = placesIn(configuration.dataDirectory).warehouse(resource.name);
      const findings = await targetEngineOf(engine).check({ directory }, signal);
      await printFindings(`target ${resource.name}`, findings, terminal);
      all.push(...findings);
    }
  }
  return conclude(all, configuration, terminal);
}

function unknownSource(name: string, { sources }: Configuration): CodedError {
  const names = sources.map(({ resource }) => resource.name).join(", ");
  return new CodedError(
    "USAGE",
    `There is no source ${name} in the configuration; it has ${names || "none"}`,
  );
}

/** Every table of the database that the source's URL names, as no filter narrows it down yet. */
async function checkSource(source: ConfiguredSource, { engine, url }: SourceUnit, signal: AbortSignal) {
  const database = databaseOf(url);
  const any = { kind: "any" } as const;
  const scope = {
    clauses: [{ include: true, parts: [{ kind: "literal", name: database } as const, any, any] }],
  };
  return engine.check({ url: source.url.reveal(), database, integrationId: nobody, scope }, signal);
}

/** Of the service that runs on the data directory; none where no service runs. */
async function runningIntegrations(context: CommandContext): Promise<readonly IntegrationReport[]> {
  try {
    const client = await clientOf(context);
    return (await client.ask<StatusReport>("status", {}, context.signal)).integrations;
  } catch (error) {
    if (error instanceof CodedError && error.code === "SERVICE_NOT_RUNNING") return [];
    throw error;
  }
}

/** What the source as a whole does not show: whether the tables that an integration names are there, in any database. */
async function checkScope(
  { id, dataFilter }: IntegrationReport,
  { engine, url, dialect }: SourceUnit,
  signal: AbortSignal,
): Promise<Finding[]> {
  const scope = parseDataFilter(dataFilter, dialect);
  const findings: Finding[] = [];
  for (const database of engine.databases(scope))
    findings.push(...(await engine.check({ url, database, integrationId: id, scope }, signal)));
  return findings.filter(({ code }) => code.startsWith("TABLE_") || code.startsWith("SOURCE_DATABASE"));
}

function databaseOf(url: string): string {
  const { pathname, username } = new URL(url);
  return decodeURIComponent(pathname.slice(1)) || decodeURIComponent(username) || "postgres";
}

const ranks = { blocks: 0, warns: 1, fine: 2 } as const;

async function printFindings(title: string, findings: readonly Finding[], terminal: Terminal): Promise<void> {
  await terminal.print(terminal.bold(title));
  const ordered = findings.toSorted((a, b) => ranks[a.severity] - ranks[b.severity]);
  for (const finding of ordered) await terminal.print(`  ${lineOf(finding, terminal)}`);
}

function lineOf({ severity, code, subject, message, fix }: Finding, terminal: Terminal): string {
  const about = message.includes(subject) ? message : `${subject}: ${message}`;
  switch (severity) {
    case "blocks":
      return terminal.bad(`blocks ${code} ${about} Fix: ${fix ?? "see the message."}`);
    case "warns":
      return `warns  ${code} ${about}${fix === undefined ? "" : ` Fix: ${fix}`}`;
    case "fine":
      return `${terminal.good("fine")}   ${about}`;
  }
}

async function conclude(
  findings: readonly Finding[],
  configuration: Configuration,
  terminal: Terminal,
): Promise<number> {
  const count = (severity: Finding["severity"]): number =>
    findings.filter((finding) => finding.severity === severity).length;
  await terminal.print();
  if (count("blocks") > 0) {
    await terminal.print(`${counted(count("blocks"), "finding")} must be mended before this can work.`);
    return 1;
  }
  const isRunning = (await readServiceRecord(configuration.dataDirectory)) !== undefined;
  const next = isRunning ? "npx zeroetl status" : "npx zeroetl serve";
  const warnings = count("warns") === 0 ? "" : ` (${counted(count("warns"), "warning")})`;
  await terminal.print(`Nothing stands in the way${warnings}. Next: ${next}`);
  return 0;
}
