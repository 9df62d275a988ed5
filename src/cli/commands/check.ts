import { CodedError } from "../../base/errors.ts";
import type { Configuration, ConfiguredSource } from "../../config/config.ts";
import { keyStoreOf } from "../../service/configured-key-store.ts";
import { parseDataFilter } from "../../model/data-filter.ts";
import type { Finding } from "../../model/finding.ts";
import type { SourceUnit } from "../../runtime/control/reconciler.ts";
import type { IntegrationReport } from "../../model/operator.ts";
import { sourceUnits } from "../../service/configured-sources.ts";
import { targetEngineOf, warehouseRequest } from "../../service/service.ts";
import { calledAs } from "../command-name.ts";
import type { CommandContext } from "../context.ts";
import { clientOf, configurationOfFlags } from "../context.ts";
import type { Terminal } from "../terminal.ts";
import { counted, headed, oneLine, wrapped } from "../text.ts";

/** The id of no integration: a preflight never finds anything under it. */
const nobody = "00000000-0000-0000-0000-000000000000";

export interface CheckFlags {
  readonly json?: boolean | undefined;
}

/** The findings on one subject. */
interface Section {
  /** Such as `source shop`. */
  readonly about: string;
  readonly findings: readonly Finding[];
}

/**
 * `zeroetl check`: prints the findings, with their fixes; exit 1 if any of them blocks. If a service is running, the
 * tables that its integrations select are also checked.
 */
export async function check(
  context: CommandContext,
  only: string | undefined,
  flags: CheckFlags = {},
): Promise<number> {
  const { terminal } = context;
  const configuration = await configurationOfFlags(context.flags);
  const integrations = await runningIntegrations(context);
  const sections: Section[] = [];
  for await (const section of sectionsOf({ configuration, only, integrations }, context.signal)) {
    if (section.findings.length === 0) continue;
    sections.push(section);
    if (flags.json !== true) await printSection(section, terminal);
  }
  const all = sections.flatMap(({ findings }) => findings);
  if (flags.json === true) await terminal.print(jsonOf(sections));
  else await conclude(all, { isRunning: integrations !== undefined, configuration }, terminal);
  return all.some(({ severity }) => severity === "blocks") ? 1 : 0;
}

interface Subjects {
  readonly configuration: Configuration;
  /** The name of the only source to check. */
  readonly only: string | undefined;
  readonly integrations: readonly IntegrationReport[] | undefined;
}

async function* sectionsOf(
  { configuration, only, integrations }: Subjects,
  signal: AbortSignal,
): AsyncGenerator<Section> {
  const units = sourceUnits(configuration);
  const sources = configuration.sources.filter(
    ({ resource }) => only === undefined || resource.name === only,
  );
  if (only !== undefined && sources.length === 0) throw unknownSource(only, configuration);
  if (only === undefined) yield { about: "configuration", findings: configurationFindings(configuration) };
  for (const source of sources) {
    const { arn, name } = source.resource;
    const unit = units.get(arn);
    if (unit === undefined) continue;
    yield { about: `source ${name}`, findings: await checkSource(source, unit, signal) };
    for (const integration of (integrations ?? []).filter((each) => each.source === name))
      yield {
        about: `integration ${integration.name}, tables of its data filter`,
        findings: await checkScope(integration, unit, signal),
      };
  }
  if (only !== undefined) return;
  yield { about: "kms", findings: (await (await keyStoreOf(configuration))?.check(signal)) ?? [] };
  for (const target of configuration.targets) {
    const { resource, engine } = target;
    const findings = await targetEngineOf(engine).check(warehouseRequest(configuration, target), signal);
    yield { about: `target ${resource.name}`, findings };
  }
}

function jsonOf(sections: readonly Section[]): string {
  const findings = sections.flatMap((section) =>
    section.findings.map(({ severity, code, subject, message, fix }) => ({
      about: section.about,
      severity,
      code,
      subject,
      message,
      fix: fix ?? null,
    })),
  );
  return JSON.stringify({ findings }, undefined, 2);
}

/** Settings that are allowed but unwise, and what is missing before anything can be replicated. */
function configurationFindings({ warnings, sources, targets }: Configuration): Finding[] {
  const of = { code: "CONFIGURATION", subject: "" } as const;
  const missing = (kind: "source" | "target"): Finding => ({
    ...of,
    severity: "blocks",
    message: `No ${kind} is configured.`,
    fix: `Name one under \`${kind}s\`.`,
  });
  return [
    ...warnings.map((message): Finding => ({ ...of, severity: "warns", message })),
    ...(sources.length > 0 ? [] : [missing("source")]),
    ...(targets.length > 0 ? [] : [missing("target")]),
  ];
}

function unknownSource(name: string, { sources }: Configuration): CodedError {
  const names = sources.map(({ resource }) => resource.name).join(", ");
  return new CodedError(
    "USAGE",
    `There is no source ${name} in the configuration; it has ${names || "none"}`,
  );
}

/** Checks every table of the database that the source's URL names, as no filter restricts it yet. */
async function checkSource(source: ConfiguredSource, { engine }: SourceUnit, signal: AbortSignal) {
  const database = source.resource.database ?? "";
  const any = { kind: "any" } as const;
  const scope = {
    clauses: [{ include: true, parts: [{ kind: "literal", name: database } as const, any, any] }],
  };
  return engine.check({ url: source.url.reveal(), database, integrationId: nobody, scope }, signal);
}

/** The integrations of the service that runs on the data directory; undefined if no service runs. */
async function runningIntegrations(
  context: CommandContext,
): Promise<readonly IntegrationReport[] | undefined> {
  try {
    const client = await clientOf(context);
    return (await client.ask("status", {}, context.signal)).integrations;
  } catch (error) {
    if (error instanceof CodedError && error.code === "SERVICE_NOT_RUNNING") return undefined;
    throw error;
  }
}

/**
 * Checks what the source as a whole does not show: whether the tables that an integration names exist, in any database.
 */
async function checkScope(
  { id, dataFilter }: IntegrationReport,
  { engine, url, dialect }: SourceUnit,
  signal: AbortSignal,
): Promise<Finding[]> {
  const scope = parseDataFilter(dataFilter, dialect);
  const findings: Finding[] = [];
  for (const database of engine.streams(scope))
    findings.push(...(await engine.check({ url, database, integrationId: id, scope }, signal)));
  return findings.filter(({ code }) => code.startsWith("TABLE_") || code.startsWith("SOURCE_DATABASE"));
}

const ranks = { blocks: 0, warns: 1, fine: 2 } as const;

async function printSection({ about, findings }: Section, terminal: Terminal): Promise<void> {
  await terminal.print(terminal.bold(about));
  const ordered = grouped(findings).toSorted((a, b) => ranks[a.severity] - ranks[b.severity]);
  for (const finding of ordered) await terminal.print(findingText(finding, terminal));
}

/** At most this many names are listed for similar findings. */
const namedMax = 20;

/** Merges findings that one statement fixes, such as a GRANT for all tables of a role. */
export function grouped(findings: readonly Finding[]): Finding[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const { severity, code, fix, subject } = finding;
    // Only findings on a table that have the same fix as another one.
    const key = JSON.stringify(
      code.startsWith("TABLE_") ? [severity, code, fix] : [severity, code, subject, fix],
    );
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first, ...others] = group;
    if (first === undefined || others.length === 0) return group;
    const names = others.slice(0, namedMax).map(({ subject }) => subject);
    const more = others.length > namedMax ? ", …" : "";
    const alike = `The same is true of ${counted(others.length, "more table")}: ${names.join(", ")}${more}.`;
    return [{ ...first, message: `${first.message} ${alike}` }];
  });
}

/** The text of a finding: one line; for a person, lines as wide as the terminal, and the fix below. */
export function findingText(finding: Finding, terminal: Terminal): string {
  return terminal.isInteractive ? blockOf(finding, terminal) : lineOf(finding);
}

function lineOf(finding: Finding): string {
  const fix = fixOf(finding);
  return `  ${finding.severity.padEnd(margin.length - 3)} ${aboutOf(finding)}${fix === "" ? "" : ` ${fix}`}`;
}

/** Where the sentences begin, after the kind of the finding. */
const margin = " ".repeat("  blocks ".length);

/** The fix is on a line of its own, which is not wrapped, so that it can be copied. */
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
  { isRunning, configuration }: { readonly isRunning: boolean; readonly configuration: Configuration },
  terminal: Terminal,
): Promise<void> {
  const count = (severity: Finding["severity"]): number =>
    findings.filter((finding) => finding.severity === severity).length;
  await terminal.print();
  if (configuration.sources.length + configuration.targets.length === 0)
    return terminal.print("Nothing is configured: there is nothing to replicate, and nowhere to.");
  if (count("blocks") > 0)
    return terminal.print(`${counted(count("blocks"), "finding")} must be corrected before this can work.`);
  if (findings.some(({ severity, code }) => severity === "warns" && code.startsWith("TABLE_")))
    await terminal.print("Tables with a warning are not replicated until it is corrected; the others are.");
  const next = `${calledAs()} ${isRunning ? "status" : "serve"}`;
  const warnings = count("warns") === 0 ? "" : ` (${counted(count("warns"), "warning")})`;
  await terminal.print(`Nothing stands in the way${warnings}. Next: ${next}`);
}
