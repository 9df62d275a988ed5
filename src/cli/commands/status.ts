import { setTimeout as pause } from "node:timers/promises";
import type {
  CopyReport,
  IntegrationReport,
  StatusReport,
  StreamReport,
  TableReport,
} from "../../model/operator.ts";
import type { ServiceClient } from "../client.ts";
import { asCalled, calledAs } from "../command-name.ts";
import { clientOf, type CommandContext } from "../context.ts";
import { Screen } from "../screen.ts";
import type { Terminal } from "../terminal.ts";
import { aligned, byteSize, counted, duration, grouped, shellQuoted, wrapped } from "../text.ts";

export interface StatusFlags {
  readonly watch?: boolean | undefined;
  readonly json?: boolean | undefined;
}

const everyMs = 1000;
/** At most this many tables are listed for an integration that was not requested by name. */
const tablesListedMax = 20;

/** Changes per second since the previous poll, by stream. */
type Rates = ReadonlyMap<string, number>;

interface Look {
  readonly atMs: number;
  readonly report: StatusReport;
}

/** `zeroetl status`. With --watch, runs until interrupted. */
export async function status(
  context: CommandContext,
  integration: string | undefined,
  flags: StatusFlags,
): Promise<number> {
  const { signal, terminal } = context;
  const client = await clientOf(context);
  const body = integration === undefined ? {} : { integration };
  const isWatched = flags.watch === true && flags.json !== true && terminal.isInteractive;
  await using screen = isWatched ? await Screen.open(terminal) : undefined;
  let before: Look | undefined;
  while (!signal.aborted) {
    const look = { atMs: Date.now(), report: await client.ask("status", body, signal) };
    if (flags.json === true)
      await terminal.print(JSON.stringify(look.report, undefined, flags.watch === true ? 0 : 2));
    else
      await show(look, before, {
        client,
        terminal,
        isAlone: integration !== undefined,
        screen,
      });
    if (flags.watch !== true) return 0;
    before = look;
    await pause(everyMs, undefined, { signal }).catch(() => {});
  }
  return 0;
}

interface Manner {
  readonly client: ServiceClient;
  readonly terminal: Terminal;
  readonly isAlone: boolean;
  /** Undefined without --watch. */
  readonly screen: Screen | undefined;
}

async function show(look: Look, before: Look | undefined, manner: Manner): Promise<void> {
  const { terminal, client, screen } = manner;
  const rates = ratesOf(look, before);
  const lines = look.report.integrations.flatMap((integration) => [
    ...integrationLines(integration, rates, manner),
    "",
  ]);
  if (lines.length === 0) lines.push(...invitation(look.report, client.api), "");
  if (!manner.isAlone) lines.push(...orphanLines(look.report));
  while (lines.at(-1) === "") lines.pop();
  if (screen !== undefined) await screen.draw(lines);
  else await terminal.write(`${lines.join("\n")}\n`);
}

function integrationLines(
  integration: IntegrationReport,
  rates: Rates,
  { terminal, isAlone }: Manner,
): string[] {
  const { name, status: state, source, target, errors, streams, tables } = integration;
  const shown = ["active", "syncing", "creating"].includes(state)
    ? terminal.good(state)
    : terminal.bad(state);
  return [
    `${terminal.bold(name)}  ${shown}  ${source} → ${target}`,
    ...errors.flatMap(({ code, message }) =>
      wrapped(asCalled(`${code}: ${message}`), terminal.columns, "  ! "),
    ),
    ...streams.flatMap((stream) => [
      ...wrapped(streamText(stream, rates), terminal.columns, "  "),
      ...causeLines(stream, errors, terminal.columns),
    ]),
    ...tableLines(tables, {
      isWhole: isAlone,
      severalDatabases: streams.length > 1,
      columns: terminal.columns,
      said: errors.map(({ message }) => message),
    }),
  ];
}

/** Databases that no integration fills, each with the command that deletes it. */
function orphanLines({ targets }: StatusReport): string[] {
  const lines = targets.flatMap(({ name: target, orphans }) =>
    orphans.map(({ name, source, sourceDatabase }) => {
      const of = source === null ? "" : `, left by an integration of ${source}, database ${sourceDatabase}`;
      const flag = targets.length > 1 ? ` --target ${shellQuoted(target)}` : "";
      return [`  ${name} in ${target}${of}`, `    ${calledAs()} drop-database ${shellQuoted(name)}${flag}`];
    }),
  );
  return lines.length === 0
    ? []
    : ["Databases that no integration fills, and how to delete them:", ...lines.flat()];
}

/** The cause of a stall is shown with the stream until it becomes an error. */
function causeLines({ cause }: StreamReport, errors: IntegrationReport["errors"], columns: number): string[] {
  if (cause === null || errors.some(({ message }) => message.includes(cause))) return [];
  return wrapped(cause, columns, "    ");
}

function streamText(stream: StreamReport, rates: Rates): string {
  const { sourceDatabase, destinationDatabase, lagSeconds, retainedBytes, changes } = stream;
  const { copiedRows, copiesWaiting } = stream;
  const rate = rates.get(`${sourceDatabase}/${destinationDatabase}`);
  const facts = [
    phaseText(stream),
    `lag ${lagSeconds === null ? "unknown" : duration(lagSeconds)}`,
    `${grouped(changes)} changes applied${rate === undefined ? "" : `, ${grouped(rate)} a second`}`,
    ...(copiedRows > 0 ? [`${grouped(copiedRows)} rows copied`] : []),
    ...(copiesWaiting === null || copiesWaiting === 0
      ? []
      : [`${counted(copiesWaiting, "table")} to be copied`]),
    ...(retainedBytes === null ? [] : [`${byteSize(retainedBytes)} of WAL kept`]),
  ];
  return `${sourceDatabase} → ${destinationDatabase}: ${facts.join(" · ")}`;
}

function phaseText({ phase, nextAttemptAt, stalledAt }: StreamReport): string {
  if (phase === "retrying")
    return `not connected, ${nextAttemptAt === null ? "trying now" : `next attempt at ${clock(nextAttemptAt)}`}`;
  return phase === "stalled" ? `stalled since ${clock(stalledAt)}` : phase;
}

function clock(time: string | null): string {
  return time === null ? "a time that is not known" : new Date(time).toLocaleTimeString("en-GB");
}

interface TableManner {
  readonly isWhole: boolean;
  readonly severalDatabases: boolean;
  readonly columns: number;
  /** The lines above the tables. */
  readonly said: readonly string[];
}

function tableLines(
  tables: readonly TableReport[],
  { isWhole, severalDatabases, columns, said }: TableManner,
): string[] {
  if (tables.length === 0) return [];
  // Tables that need attention come first.
  const rank = ({ state }: TableReport): number =>
    ["Failed", "ResyncRequired", "ResyncInitiated"].indexOf(state) + 1 || 9;
  const ordered = tables.toSorted((a, b) => rank(a) - rank(b));
  const listed = isWhole ? ordered : ordered.slice(0, tablesListedMax);
  const rows = listed.map((table) => {
    const name = `${severalDatabases ? `${table.sourceDatabase}.` : ""}${table.schema}.${table.table}`;
    const rowCount = table.state === "Failed" ? "" : `${table.isEstimate ? "~" : ""}${grouped(table.rows)}`;
    return [`  ${name}`, table.state, rowCount, copyText(table.copy)];
  });
  const copyHead = listed.some(({ copy }) => copy !== null) ? "COPIED" : "";
  const [head = "", ...told] = aligned([["  TABLE", "STATE", "ROWS", copyHead], ...rows], [2]);
  const lines = [
    head,
    ...told.flatMap((line, index) => [line, ...reasonLines(listed[index], columns, said)]),
  ];
  const left = ordered.length - listed.length;
  return left === 0
    ? lines
    : [...lines, `  … and ${counted(left, "more table")}: ${calledAs()} status INTEGRATION lists them`];
}

function copyText(copy: CopyReport | null): string {
  if (copy === null) return "";
  const { bytesRead, bytes, bytesPerSecond, secondsLeft } = copy;
  const facts = [
    `${Math.floor((bytesRead / bytes) * 100)}% of ${byteSize(bytes)}`,
    ...(bytesPerSecond === null ? [] : [`${byteSize(bytesPerSecond)}/s`]),
    ...(secondsLeft === null ? [] : [`${duration(secondsLeft)} left`]),
  ];
  return facts.join(", ");
}

/** What the integration's errors already say is not repeated. */
function reasonLines(table: TableReport | undefined, columns: number, said: readonly string[]): string[] {
  if (table === undefined || table.reason === null) return [];
  const name = `Table ${table.schema}.${table.table}`;
  if (said.some((message) => message.includes(`${name}: `) || message.includes(`${name} `))) return [];
  return wrapped(`${table.reason.code}: ${table.reason.message}`, columns, "      ");
}

function ratesOf({ atMs, report }: Look, before: Look | undefined): Rates {
  const rates = new Map<string, number>();
  if (before === undefined) return rates;
  const seconds = (atMs - before.atMs) / 1000;
  const keyed = (look: StatusReport): [string, number][] =>
    look.integrations.flatMap(({ streams }) =>
      streams.map((stream): [string, number] => [
        `${stream.sourceDatabase}/${stream.destinationDatabase}`,
        stream.changes,
      ]),
    );
  const earlier = new Map(keyed(before.report));
  for (const [key, changes] of keyed(report)) {
    const grown = changes - (earlier.get(key) ?? changes);
    if (grown >= 0) rates.set(key, grown / seconds);
  }
  return rates;
}

/** The next step for a user who has just started the service. */
function invitation({ sources, targets }: StatusReport, api: string): string[] {
  const [source] = sources;
  const [target] = targets;
  if (source === undefined || target === undefined)
    return [
      source === undefined && target === undefined
        ? "Nothing is configured."
        : `No ${source === undefined ? "source" : "target"} is configured.`,
      "There are no integrations. Name a source and a target in the configuration, and restart the service.",
    ];
  return [
    "There are no integrations yet. Create one, for example (with the keys of the service in the environment):",
    "",
    `aws rds create-integration --endpoint-url ${api} --integration-name ${source.name} \\`,
    `  --source-arn ${source.arn} \\`,
    `  --target-arn ${target.arn} \\`,
    "  --data-filter 'include: DATABASE.*.*'",
  ];
}
