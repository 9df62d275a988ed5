import { CodedError } from "../base/errors.ts";
import type { Configuration, ConfiguredSource } from "../config.ts";
import { keyStoreOf } from "../configured-key-store.ts";
import { placesIn } from "../data-directory.ts";
import { parseDataFilter } from "../model/data-filter.ts";
import type { Finding } from "../model/finding.ts";
import type { SourceUnit } from "../runtime/keeper.ts";
import type { IntegrationReport, StatusReport } from "../runtime/operator.ts";
import { sourceUnits, targetEngineOf } from "../service.ts";
import { calledAs } from "./command-name.ts";
import type { CommandContext } from "./context.ts";
import { clientOf, configurationOfFlags } from "./context.ts";
import type { Terminal } from "./terminal.ts";
import { counted, headed, oneLine, wrapped } from "./text.ts";

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
  const ofConfiguration = only === undefined ? configurationFindings(configuration) : [];
  if (ofConfiguration.length > 0) await printFindings("configuration", ofConfiguration, terminal);
  all.push(...ofConfiguration);
  for (const source of sources) {
    const { arn, name } = source.resource;
    const unit = units.get(arn);
    if (unit === undefined) continue;
    const findings = await checkSource(source, unit, signal);
    await printFindings(`source ${name}`, findings, terminal);
    all.push(...findings);
    for (const integration of (integrations ?? []).filter((each) => each.source === name)) {
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
  return conclude(all, integrations !== undefined, terminal);
}

/** What is allowed and unwise, and what is missing before anything can be replicated. */
function configurationFindings({ warnings, sources, targets }: Configuration): Finding[] {
  const of = { severity: "warns", code: "CONFIGURATION", subject: "" } as const;
  return [
    ...warnings.map((message) => ({ ...of, message })),
    ...(sources.length > 0
      ? []
      : [{ ...of, message: "There is no source.", fix: "Name one under `sources`." }]),
    ...(targets.length > 0
      ? []
      : [{ ...of, message: "There is no target.", fix: "Name one under `targets`." }]),
  ];
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

/** Of the service that runs on the data directory; undefined where no service runs. */
async function runningIntegrations(
  context: CommandContext,
): Promise<readonly IntegrationReport[] | undefined> {
  try {
    const client = await clientOf(context);
    return (await client.ask<StatusReport>("status", {}, context.signal)).integrations;
  } catch (error) {
    if (error instanceof CodedError && error.code === "SERVICE_NOT_RUNNING") return undefined;
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
  for (const finding of ordered) await terminal.print(findingText(finding, terminal));
}

/** What `check` says of a finding: a line; for a person, lines as wide as the terminal, and the fix below. */
export function findingText(finding: Finding, terminal: Terminal): string {
  return terminal.isInteractive ? blockOf(finding, terminal) : lineOf(finding);
}

function lineOf(finding: Finding): string {
  const fix = fixOf(finding);
  return `  ${finding.severity.padEnd(margin.length - 3)} ${aboutOf(finding)}${fix === "" ? "" : ` ${fix}`}`;
}

/** Where the sentences begin, behind what kind of finding it is. */
const margin = " ".repeat("  blocks ".length);

/** The fix is on a line of its own, which is not broken, to be copied. */
function blockOf(finding: Finding, terminal: Terminal): string {
  const colours = { blocks: terminal.bad, warns: terminal.bold, fine: terminal.good } as const;
  const lines = wrapped(aboutOf(finding), terminal.columns, margin);
  const { severity } = finding;
  const head = `  ${colours[severity](severity)}${" ".repeat(margin.length - 2 - severity.length)}`;
  const fix = fixOf(finding);
  return [...headed(head, lines, margin), ...(fix === "" ? [] : [margin + fix])].join("\n");
}

function aboutOf({ severity, code, subject, message }: Finding): string {
  const about = oneLine(message.includes(subject) ? message : `${subject}: ${message}`);
  return severity === "fine" ? about : `${code} ${about}`;
}

function fixOf({ severity, fix }: Finding): string {
  if (severity === "fine" || (severity === "warns" && fix === undefined)) return "";
  return `Fix: ${fix ?? "see the message."}`;
}

async function conclude(
  findings: readonly Finding[],
  isRunning: boolean,
  terminal: Terminal,
): Promise<number> {
  const count = (severity: Finding["severity"]): number =>
    findings.filter((finding) => finding.severity === severity).length;
  await terminal.print();
  if (count("blocks") > 0) {
    await terminal.print(`${counted(count("blocks"), "finding")} must be mended before this can work.`);
    return 1;
  }
  if (findings.some(({ severity, code }) => severity === "warns" && code.startsWith("TABLE_")))
    await terminal.print("Tables with a warning are not replicated until it is mended; the others are.");
  const next = `${calledAs()} ${isRunning ? "status" : "serve"}`;
  const warnings = count("warns") === 0 ? "" : ` (${counted(count("warns"), "warning")})`;
  await terminal.print(`Nothing stands in the way${warnings}. Next: ${next}`);
  return 0;
}
