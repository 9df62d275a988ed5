import { present } from "../../base/assert.ts";
import { fixOf, withFix, type ErrorCode } from "../../base/errors.ts";
import type { Finding } from "../../model/finding.ts";
import type { IntegrationError, IntegrationStatus, TableStatus } from "../../model/integration.ts";
import { stallPatienceMs } from "../stream/arrival.ts";
import type { WorkerHealth } from "../stream/worker.ts";

/** The known state of one stream of an integration. */
export interface StreamStatus {
  readonly health: WorkerHealth;
  /** The result of the last preflight; undefined before the first. */
  readonly findings: readonly Finding[] | undefined;
  /** Tables that readers see although the data filter does not (or no longer) include them: about to be dropped. */
  readonly leaving: number;
}

export interface Circumstances {
  /** The current status in the catalog. */
  readonly before: IntegrationStatus;
  readonly ageMs: number;
  /** ms since 1970. */
  readonly nowMs: number;
  readonly streams: readonly StreamStatus[];
}

export interface EvaluatedStatus {
  readonly status: IntegrationStatus;
  readonly errors: readonly IntegrationError[];
  readonly tables: readonly TableStatus[];
}

/** How long an integration may be `creating` while its source cannot be reached, before a person is needed. */
export const creationPatienceMs = 60_000;

/** More failed tables than this are counted, not listed, in `Errors`. */
export const failedTablesListedMax = 50;

/** Transient errors: a server restarts, a network recovers. All other errors need a person. */
const passing: ReadonlySet<string> = new Set<ErrorCode>([
  "SOURCE_UNREACHABLE",
  "SOURCE_CONNECTIONS",
  "SOURCE_FAILED",
  "SOURCE_READ_ONLY",
  "SOURCE_PROTOCOL",
  "SLOT_IN_USE",
  "SLOT_LOST",
  "TARGET_FAILED",
  "TARGET_LOCKED",
]);

const onlyDeletingHelps: ReadonlySet<string> = new Set<ErrorCode>(["SOURCE_REPLACED"]);

/**
 * The status of an integration, as a pure function of the actual state, so that it can be evaluated at any time.
 *
 * Undefined while a stream is still connecting, does not know which tables are selected, or has had no preflight, and
 * no error is known: then the previous status remains.
 */
export function evaluateStatus(circumstances: Circumstances): EvaluatedStatus | undefined {
  const { streams, nowMs } = circumstances;
  const status = statusOf(circumstances);
  if (status === undefined) return undefined;
  return {
    status,
    errors: errorsOf(streams, nowMs),
    tables: tablesOf(streams),
  };
}

/** With one stream, the same array as before if nothing has changed. */
function tablesOf(streams: readonly StreamStatus[]): readonly TableStatus[] {
  const [first, ...others] = streams.map(({ health }) => health.tables);
  return others.length === 0 ? (first ?? []) : [first ?? [], ...others].flat();
}

function statusOf({ before, ageMs, nowMs, streams }: Circumstances): IntegrationStatus | undefined {
  const stops = streams.flatMap(({ health: { phase } }) =>
    phase.kind === "retrying" ? [phase.error.code] : [],
  );
  if (stops.some((code) => onlyDeletingHelps.has(code))) return "failed";
  if (stops.some((code) => !passing.has(code))) return "needs_attention";
  if (stops.length > 0) return whileRetrying(before, ageMs);
  const isHeldUp = ({ health }: StreamStatus): boolean => obstacleOf(health) !== undefined;
  if (streams.some((stream) => stream.health.phase.kind === "connecting" && isHeldUp(stream)))
    return whileRetrying(before, ageMs);
  if (streams.some(({ health }) => health.phase.kind === "connecting" || health.copiesWaiting === undefined))
    return undefined;
  if (streams.some(({ health }) => stallError(health, nowMs) !== undefined)) return "needs_attention";
  if (!streams.every((stream) => isComplete(stream))) return before === "creating" ? before : "syncing";
  if (streams.some(({ findings }) => findings === undefined)) return undefined;
  return streams.some(asksForPerson) ? "needs_attention" : "active";
}

/** A status from which the integration can still be deleted, once waiting is unlikely to help. */
function whileRetrying(before: IntegrationStatus, ageMs: number): IntegrationStatus {
  if (before === "creating") return ageMs < creationPatienceMs ? "creating" : "needs_attention";
  return before === "modifying" ? "syncing" : before;
}

/** Whether every selected table is in step with the source, or known to have failed, and no other table exists. */
export function isComplete({ health: { phase, copiesWaiting }, leaving }: StreamStatus): boolean {
  return phase.kind === "streaming" && copiesWaiting === 0 && leaving === 0;
}

function asksForPerson(stream: StreamStatus): boolean {
  return stream.health.tables.some(({ state }) => state === "Failed") || unheardTables(stream).length > 0;
}

/** Whether a person may be fixing a problem that the preflight can see. */
export function needsLookingAgain(stream: StreamStatus): boolean {
  return stream.health.phase.kind === "retrying" || unheardTables(stream).length > 0;
}

/**
 * The preflight's findings on tables that no stream reports: a table that does not exist, or is not a table, has no
 * state.
 */
function unheardTables({ health, findings = [] }: StreamStatus): readonly Finding[] {
  const ofTables = findings.filter(({ code, severity }) => severity !== "fine" && code.startsWith("TABLE_"));
  if (ofTables.length === 0) return ofTables;
  const heard = new Set(health.tables.map(({ schema, table }) => `${schema}.${table}`));
  return ofTables.filter(({ subject }) => !heard.has(subject));
}

/**
 * In a stable order, without duplicates: by stream as given, first what stops it, then its notices, then its tables.
 */
function errorsOf(streams: readonly StreamStatus[], nowMs: number): IntegrationError[] {
  const errors = streams.flatMap((stream) => {
    const label = streams.length > 1 ? `Database ${stream.health.sourceDatabase}: ` : "";
    return errorsOfStream(stream, nowMs).map(({ code, message }) => ({ code, message: label + message }));
  });
  const seen = new Set<string>();
  return errors.filter(({ code, message }) => {
    const key = `${code} ${message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function errorsOfStream(stream: StreamStatus, nowMs: number): IntegrationError[] {
  const { phase, notices, tables } = stream.health;
  const stopped = phase.kind === "retrying" ? stoppers(phase.error, stream.findings) : [];
  // While a stream does not run, or copies, it has not yet reported every table.
  const unheard = isComplete(stream) ? unheardTables(stream).map(errorOfFinding) : [];
  const stalled = stallError(stream.health, nowMs);
  const obstacle = obstacleOf(stream.health);
  return [
    ...stopped,
    ...(stalled === undefined ? [] : [stalled]),
    ...(obstacle === undefined ? [] : [obstacle]),
    ...notices,
    ...unheard,
    ...failedTables(tables),
  ];
}

/** The obstacle for tables that wait for their copy, or for the stream that would copy them. */
function obstacleOf({ phase, copiesWaiting, obstacle }: WorkerHealth): IntegrationError | undefined {
  return phase.kind === "streaming" && copiesWaiting === 0 ? undefined : obstacle;
}

/** A lock held briefly is not an error; one that lasts usually does not end without a person. */
function stallError({ stall }: WorkerHealth, nowMs: number): IntegrationError | undefined {
  if (stall === undefined || nowMs - stall.sinceMs < stallPatienceMs) return undefined;
  return { code: "SOURCE_STALLED", message: stall.cause };
}

/** A stream stops at the first obstacle; the preflight knows all of them, and their exact fixes. */
function stoppers(error: IntegrationError, findings: readonly Finding[] = []): IntegrationError[] {
  const blockers = findings.filter(({ severity }) => severity === "blocks").map(errorOfFinding);
  return blockers.some(({ code }) => code === error.code) ? blockers : [error, ...blockers];
}

function errorOfFinding({ code, message, fix }: Finding): IntegrationError {
  return { code, message: withFix(message, fix ?? fixOf(code)) };
}

function failedTables(tables: readonly TableStatus[]): IntegrationError[] {
  const failed = tables.filter(({ state }) => state === "Failed");
  const ordered = failed.toSorted((a, b) => compare(a.schema, b.schema) || compare(a.table, b.table));
  const listed = ordered.slice(0, failedTablesListedMax).map(({ schema, table, reason }) => {
    const { code, message } = present(reason, "a failed table has a reason");
    const name = `Table ${schema}.${table}`;
    return { code, message: message.startsWith(`${name} `) ? message : `${name}: ${message}` };
  });
  const more = failed.length - listed.length;
  if (more > 0)
    listed.push({
      code: "TABLE_UNSUPPORTED",
      message: `${more} more tables failed; \`zeroetl status\` lists them.`,
    });
  return listed;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
