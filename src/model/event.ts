import { errorCatalogue, isErrorCode, type ErrorCode } from "../base/errors.ts";
import type { IntegrationStatus } from "./integration.ts";

export const eventCategories = ["configuration", "monitoring", "operation"] as const;

export type EventCategory = (typeof eventCategories)[number];
export type EventSeverity = "Info" | "Warning" | "Error";

interface EventDefinition {
  /** AWS's number where AWS has one with this meaning, else one of ours. Stable: never renamed, never reused. */
  readonly id: `REDSHIFT-INTEGRATION-EVENT-${string}` | `ZEROETL-INTEGRATION-EVENT-${string}`;
  readonly severity: EventSeverity;
  readonly category: EventCategory;
  /** Without a full stop: the variable part follows after a colon. */
  readonly sentence: string;
}

const aws = "REDSHIFT-INTEGRATION-EVENT" as const;
const own = "ZEROETL-INTEGRATION-EVENT" as const;

/** Everything that can happen to an integration. docs/generated/events.md is generated from it. */
export const eventCatalogue = {
  "creation-started": {
    id: `${own}-0001`,
    severity: "Info",
    category: "monitoring",
    sentence: "The integration is being created",
  },
  created: {
    id: `${aws}-0000`,
    severity: "Info",
    category: "monitoring",
    sentence: "The integration was created and is active",
  },
  active: {
    id: `${aws}-0013`,
    severity: "Info",
    category: "monitoring",
    sentence: "The integration is active",
  },
  syncing: {
    id: `${aws}-0003`,
    severity: "Info",
    category: "monitoring",
    sentence: "The integration is synchronising tables with its source",
  },
  "needs-attention": {
    id: `${own}-0002`,
    severity: "Warning",
    category: "monitoring",
    sentence: "The integration needs attention",
  },
  "creation-failed": {
    id: `${aws}-0006`,
    severity: "Error",
    category: "monitoring",
    sentence: "The integration cannot be created; delete it and create it again",
  },
  failed: {
    id: `${aws}-0007`,
    severity: "Error",
    category: "monitoring",
    sentence: "The integration cannot continue; delete it and create it again",
  },
  "modification-failed": {
    id: `${aws}-0014`,
    severity: "Error",
    category: "monitoring",
    sentence: "The integration failed while it was being modified",
  },
  "modification-started": {
    id: `${aws}-0016`,
    severity: "Info",
    category: "operation",
    sentence: "A modification of the integration is being processed",
  },
  modified: {
    id: `${aws}-0017`,
    severity: "Info",
    category: "operation",
    sentence: "A modification of the integration was applied",
  },
  "deletion-started": {
    id: `${aws}-0002`,
    severity: "Info",
    category: "monitoring",
    sentence: "The integration is being deleted",
  },
  deleted: {
    id: `${aws}-0001`,
    severity: "Info",
    category: "monitoring",
    sentence: "The integration was deleted",
  },
  "not-authorized": {
    id: `${aws}-0008`,
    severity: "Error",
    category: "monitoring",
    sentence: "The source or the policy of the target does not authorize the integration",
  },
  "key-not-accessible": {
    id: `${aws}-0008`,
    severity: "Error",
    category: "monitoring",
    sentence: "The KMS key of the integration cannot be used",
  },
  "source-parameters": {
    id: `${aws}-1000`,
    severity: "Error",
    category: "configuration",
    sentence: "A parameter of the source has the wrong value",
  },
  "data-filter": {
    id: `${aws}-1006`,
    severity: "Warning",
    category: "configuration",
    sentence: "The data filter cannot be used",
  },
  hindered: {
    id: `${own}-0003`,
    severity: "Warning",
    category: "monitoring",
    sentence: "The integration was interrupted and is retried automatically",
  },
  stopped: {
    id: `${own}-0004`,
    severity: "Error",
    category: "monitoring",
    sentence: "The integration has a problem that needs your attention",
  },
  "table-without-key": {
    id: `${aws}-0004`,
    severity: "Warning",
    category: "monitoring",
    sentence: "A table has no primary key and is not replicated until it has one",
  },
  "table-unsupported-type": {
    id: `${aws}-0005`,
    severity: "Warning",
    category: "monitoring",
    sentence: "A table has a column of an unsupported type and is not replicated",
  },
  "table-failed": {
    id: `${own}-0005`,
    severity: "Warning",
    category: "monitoring",
    sentence: "A table cannot be replicated",
  },
  "table-copying": {
    id: `${own}-0006`,
    severity: "Info",
    category: "monitoring",
    sentence: "A table is being copied",
  },
  "table-copied": {
    id: `${own}-0007`,
    severity: "Info",
    category: "monitoring",
    sentence: "A table was copied and is up to date with the source",
  },
  "table-dropped": {
    id: `${own}-0008`,
    severity: "Info",
    category: "monitoring",
    sentence: "A table was dropped at the source, or left the data filter",
  },
} as const satisfies Record<string, EventDefinition>;

export type EventKind = keyof typeof eventCatalogue;

const troubles: Partial<Record<ErrorCode, EventKind>> = {
  SOURCE_AUTHENTICATION: "not-authorized",
  SOURCE_PRIVILEGE: "not-authorized",
  SOURCE_NOT_AUTHORIZED: "not-authorized",
  KMS_KEY_NOT_ACCESSIBLE: "key-not-accessible",
  WAL_LEVEL: "source-parameters",
  REPLICATION_SLOTS: "source-parameters",
  WAL_SENDERS: "source-parameters",
  WAL_KEEP_SIZE: "source-parameters",
  SYNCHRONOUS_STANDBYS: "source-parameters",
  INVALID_DATA_FILTER: "data-filter",
  TABLE_WITHOUT_KEY: "table-without-key",
  TABLE_UNSUPPORTED_TYPE: "table-unsupported-type",
};

/** The event kind for an error that appears in an integration's `Errors`. */
export function troubleKind(code: string): EventKind {
  if (!isErrorCode(code)) return "stopped";
  return troubles[code] ?? (errorCatalogue[code].retry ? "hindered" : "stopped");
}

/** The event kind for a table that fails for a reason with this code. */
export function tableFailureKind(code: string): EventKind {
  const kind = isErrorCode(code) ? troubles[code] : undefined;
  return kind === "table-without-key" || kind === "table-unsupported-type" ? kind : "table-failed";
}

/** How long events can be read. */
export const eventAgeMsMax = 14 * 24 * 60 * 60 * 1000;

/** Something that happened to an integration, which may no longer exist. */
export interface IntegrationEvent {
  /** Increases with each event, in the order in which events became visible. */
  readonly ordinal: number;
  /** Its own uuid, the same each time it is delivered. */
  readonly uuid: string;
  readonly id: string;
  readonly severity: EventSeverity;
  readonly category: EventCategory;
  readonly integrationId: string;
  /** Its name at that time. */
  readonly integrationName: string;
  readonly sourceArn: string;
  readonly targetArn: string;
  /** The integration's status after the event. */
  readonly status: EventStatus;
  /** `SYNCING` where the status changed, else the event's subject, such as `TABLE_WITHOUT_KEY`. */
  readonly statusCode: string;
  readonly message: string;
  readonly at: Date;
}

export type EventStatus = IntegrationStatus | "deleted";
