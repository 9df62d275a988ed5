import { present } from "../../base/assert.ts";
import { tableFailureKind, troubleKind, type EventKind, type EventStatus } from "../../model/event.ts";
import type {
  Integration,
  IntegrationError,
  IntegrationStatus,
  TableStatus,
} from "../../model/integration.ts";
import type { TableStateName } from "../../model/replication/table-state.ts";

/** Something that becomes an event. */
export interface Happening {
  readonly kind: EventKind;
  /** The integration's status after the event. */
  readonly status: EventStatus;
  readonly statusCode: string;
  /** The variable part of the kind's sentence. */
  readonly detail: string | undefined;
}

export interface TableChange extends Pick<TableStatus, "sourceDatabase" | "schema" | "table" | "reason"> {
  /** Undefined for a table that was not known. */
  readonly before: TableStateName | undefined;
  readonly after: TableStateName;
}

/** What a report changed. */
export interface ReportedChange {
  readonly before: Pick<Integration, "status" | "errors">;
  readonly status: IntegrationStatus;
  readonly errors: readonly IntegrationError[];
  readonly tables: readonly TableStatus[];
  readonly changes: readonly TableChange[];
}

/** If the same thing happened to more tables at once, one event counts the rest. */
export const tablesToldMax = 20;

/** The status changed to this one; `detail` completes the sentence. */
export function statusHappening(kind: EventKind, status: EventStatus, detail?: string): Happening {
  return { kind, status, statusCode: status.toUpperCase(), detail };
}

/**
 * What happened between two reports: first to tables, then new errors, then to the integration. A change of the status
 * always comes last; the entries before it also carry the new status.
 */
export function happeningsOf(change: ReportedChange): Happening[] {
  return [...tableHappenings(change), ...troubleHappenings(change), ...statusHappenings(change)];
}

function statusHappenings({ before, status, errors }: ReportedChange): Happening[] {
  if (status === before.status) {
    const isWell = status === "active" && before.errors.length > 0 && errors.length === 0;
    return isWell ? [statusHappening("active", status)] : [];
  }
  const happenings: Happening[] = [];
  // A filter that could not be carried out yet is not applied.
  if (before.status === "modifying" && (status === "active" || (status === "syncing" && errors.length === 0)))
    happenings.push({ kind: "modified", status, statusCode: "MODIFIED", detail: undefined });
  const kind = arrivalKind(before.status, status);
  // Errors are the reason for these statuses only; any other error is an event of its own.
  const isTroubled = status === "needs_attention" || status === "failed";
  if (kind !== undefined)
    happenings.push(statusHappening(kind, status, isTroubled ? summaryOf(errors) : undefined));
  return happenings;
}

function arrivalKind(before: IntegrationStatus, after: IntegrationStatus): EventKind | undefined {
  switch (after) {
    case "active":
      return before === "creating" ? "created" : "active";
    case "syncing":
      return "syncing";
    case "needs_attention":
      return "needs-attention";
    case "failed":
      return failureKind(before);
    // These begin with a request, which writes their event.
    case "creating":
    case "modifying":
    case "deleting":
      return undefined;
  }
}

function failureKind(before: IntegrationStatus): EventKind {
  if (before === "creating") return "creation-failed";
  return before === "modifying" ? "modification-failed" : "failed";
}

/** One for each code that was not among the errors before. Failed tables have their own events. */
function troubleHappenings({ before, status, errors, tables }: ReportedChange): Happening[] {
  const heard = new Set([
    ...before.errors.map(({ code }) => code),
    ...tables.flatMap(({ state, reason }) => (state === "Failed" ? [codeOf(reason)] : [])),
  ]);
  const codes = [...new Set(errors.map(({ code }) => code))].filter((code) => !heard.has(code));
  return codes.map((code) => ({
    kind: troubleKind(code),
    status,
    statusCode: code,
    detail: summaryOf(errors.filter((error) => error.code === code)),
  }));
}

function summaryOf(errors: readonly IntegrationError[]): string | undefined {
  const [first] = errors;
  if (first === undefined) return undefined;
  return errors.length === 1 ? first.message : `${first.message} (and ${errors.length - 1} more)`;
}

function tableHappenings({ before, status, changes }: ReportedChange): Happening[] {
  const told = new Map<EventKind, number>();
  const happenings: Happening[] = [];
  for (const change of changes) {
    const kind = tableKind(change, before.status);
    if (kind === undefined) continue;
    const count = (told.get(kind) ?? 0) + 1;
    told.set(kind, count);
    if (count <= tablesToldMax)
      happenings.push({ kind, status, statusCode: tableCode(kind, change), detail: tableDetail(change) });
  }
  for (const [kind, count] of told) {
    const more = count - tablesToldMax;
    if (more <= 0) continue;
    const detail = `${more} more ${more === 1 ? "table" : "tables"}; \`zeroetl status\` lists them`;
    happenings.push({ kind, status, statusCode: upperSnake(kind), detail });
  }
  return happenings;
}

/** While an integration is being created, every table is copied: that is not an event, but a table that fails is. */
function tableKind({ before, after, reason }: TableChange, status: IntegrationStatus): EventKind | undefined {
  if (after === "Failed") return tableFailureKind(codeOf(reason));
  if (before === undefined || status === "creating") return undefined;
  switch (after) {
    case "Synced":
      return "table-copied";
    case "Deleted":
    case "DroppedSource":
      return "table-dropped";
    case "ResyncRequired":
    case "ResyncInitiated":
      return before === "Synced" || before === "Failed" ? "table-copying" : undefined;
  }
}

function tableCode(kind: EventKind, { after, reason }: TableChange): string {
  return after === "Failed" ? codeOf(reason) : upperSnake(kind);
}

function tableDetail({ sourceDatabase, schema, table, after, reason }: TableChange): string {
  const name = `${sourceDatabase}.${schema}.${table}`;
  if (after !== "Failed" || reason === undefined) return name;
  return `${name}: ${reason.message}`;
}

function codeOf(reason: IntegrationError | undefined): string {
  return present(reason, "a failed table has a reason").code;
}

function upperSnake(kind: EventKind): string {
  return kind.toUpperCase().replaceAll("-", "_");
}
