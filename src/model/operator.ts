import { z } from "zod";
import type { IntegrationEvent } from "./event.ts";
import type { Integration } from "./integration.ts";

/**
 * The operator's endpoint, over which our own clients ask the running service: `POST /zeroetl/<command>`, a JSON object as
 * the body, signed with SigV4 under the service name `zeroetl`. A key with a policy needs the action.
 *
 * | command | action, on what |
 * |---|---|
 * | `status` | `zeroetl:GetStatus`, integration |
 * | `query` | `zeroetl:Query`, `*` |
 * | `drop-database` | `zeroetl:DropDatabase`, the target's ARN |
 * | `verify` | `zeroetl:Verify`, integration |
 * | `events` | `zeroetl:GetEvents`, integration |
 * | `create-key`, `list-keys`, `rotate-key`, `enable-key`, `disable-key`, `delete-key` | `zeroetl:CreateKey` and so on, user |
 *
 * `OperatorRequests` are the bodies. A command of `OperatorAnswers` answers with one JSON object. A command of
 * `OperatorLines` answers with NDJSON, whose last line is `{"end": true}`, or `{"error": {code, message, fix}}` if it fails
 * midway; an answer that ends with neither was cut off. A request that is refused, including SQL that fails before its first
 * row, gets a JSON object `{code, message, fix}` with status 4xx; a failure of the service has status 500 and the code
 * INTERNAL.
 */
export const operatorRequests = {
  /** `integration`: uuid, ARN or name; every integration if absent. */
  status: z.strictObject({ integration: z.string().optional() }),
  /** `target`: name or ARN, required if there are several. `nested`: how values of nested types are written. */
  query: z.strictObject({
    sql: z.string(),
    target: z.string().optional(),
    nested: z.enum(["text", "json"]).default("text"),
  }),
  "drop-database": z.strictObject({ name: z.string(), target: z.string().optional() }),
  verify: z.strictObject({ integration: z.string() }),
  /** `since`: ISO 8601, UTC. `integration` may have been deleted. */
  events: z.strictObject({ integration: z.string().optional(), since: z.iso.datetime() }),
  /** `policy`: a policy document; a key without one may do everything. */
  "create-key": z.strictObject({ user: z.string(), policy: z.unknown().optional() }),
  "list-keys": z.strictObject({}),
  "rotate-key": z.strictObject({ id: z.string() }),
  "enable-key": z.strictObject({ id: z.string() }),
  "disable-key": z.strictObject({ id: z.string() }),
  "delete-key": z.strictObject({ id: z.string() }),
} as const;

export type OperatorRequests = {
  readonly [Command in keyof typeof operatorRequests]: z.input<(typeof operatorRequests)[Command]>;
};

type Nothing = { readonly [name: string]: never };

/** What the commands answer that answer with one object. */
export interface OperatorAnswers {
  readonly status: StatusReport;
  readonly "drop-database": Nothing;
  readonly "create-key": NewKeyAnswer;
  readonly "list-keys": { readonly keys: readonly KeyAnswer[] };
  readonly "rotate-key": NewKeyAnswer;
  readonly "enable-key": Nothing;
  readonly "disable-key": Nothing;
  readonly "delete-key": Nothing;
}

/** The lines of the commands that answer with NDJSON, without the last one. */
export interface OperatorLines {
  readonly query: QueryLine;
  readonly verify: VerificationLine;
  readonly events: EventLine;
}

/** What `zeroetl status` shows. */
export type StatusReport = {
  readonly sources: readonly {
    readonly name: string;
    readonly engine: string;
    readonly arn: string;
    /** The database that its url names; null if it names none. */
    readonly database: string | null;
  }[];
  readonly targets: readonly {
    readonly name: string;
    readonly arn: string;
    readonly databases: readonly string[];
    readonly orphans: readonly OrphanReport[];
  }[];
  readonly integrations: readonly IntegrationReport[];
};

/** A database that no integration fills. */
export type OrphanReport = {
  readonly name: string;
  /** What filled it: the name of a source, or its ARN if it is no longer configured; null if unknown. */
  readonly source: string | null;
  readonly sourceDatabase: string | null;
};

export type IntegrationReport = {
  readonly id: string;
  readonly name: string;
  readonly arn: string;
  readonly status: string;
  /** Its name, or its ARN if it is no longer configured. */
  readonly source: string;
  readonly target: string;
  readonly dataFilter: string;
  readonly createdAt: string;
  readonly errors: readonly { readonly code: string; readonly message: string }[];
  readonly streams: readonly StreamReport[];
  readonly tables: readonly TableReport[];
};

export type StreamReport = {
  readonly sourceDatabase: string;
  readonly destinationDatabase: string;
  /** `stalled`: connected, but nothing arrives although the source has more. */
  readonly phase: "connecting" | "copying" | "streaming" | "retrying" | "stalled";
  /** For a stalled stream: since when, and why. */
  readonly stalledAt: string | null;
  readonly cause: string | null;
  /** Null during an attempt. */
  readonly nextAttemptAt: string | null;
  readonly lagSeconds: number | null;
  readonly retainedBytes: number | null;
  readonly copiesWaiting: number | null;
  readonly changes: number;
  readonly transactions: number;
  readonly copiedRows: number;
  readonly bytesRead: number;
  readonly batches: number;
};

export type TableReport = {
  readonly sourceDatabase: string;
  readonly destinationDatabase: string;
  readonly schema: string;
  readonly table: string;
  readonly state: string;
  readonly reason: { readonly code: string; readonly message: string } | null;
  readonly rows: number;
  /** `rows` may include deleted rows, or be out of date. */
  readonly isEstimate: boolean;
  /** While the table is being read for a copy, unless it is small; otherwise null. */
  readonly copy: CopyReport | null;
};

/** Approximate: `bytes` is the size that the table had at the source when the copy was planned. */
export type CopyReport = {
  readonly bytesRead: number;
  readonly bytes: number;
  /** Null until a part has been read. */
  readonly bytesPerSecond: number | null;
  readonly secondsLeft: number | null;
};

/** First the columns, then rows as often as needed. Values are text, null for NULL. */
export type QueryLine =
  | { readonly columns: readonly QueryColumn[]; readonly notices: readonly string[] }
  | { readonly rows: QueryRows };

export type QueryColumn = { readonly name: string; readonly type: string };
export type QueryRows = readonly (readonly (string | null)[])[];

/** One table. */
export type VerificationLine = {
  readonly sourceDatabase: string;
  readonly destinationDatabase: string;
  readonly schema: string;
  readonly table: string;
} & (
  | { readonly result: "equal"; readonly rows: number; readonly hash: string }
  | {
      readonly result: "different";
      readonly source: { readonly rows: number; readonly hash: string };
      readonly target: { readonly rows: number; readonly hash: string };
    }
  | {
      readonly result: "unreadable";
      readonly code: string;
      readonly reason: string;
      readonly fix: string | null;
    }
  | { readonly result: "skipped"; readonly state: string; readonly reason: string | null }
);

export type EventLine = {
  /** The event's own uuid, as the webhook delivers it. */
  readonly id: string;
  readonly at: string;
  /** The event's number, such as `REDSHIFT-INTEGRATION-EVENT-0013`. */
  readonly eventId: string;
  readonly severity: IntegrationEvent["severity"];
  readonly category: string;
  /** Its name at that time. */
  readonly integration: string;
  readonly arn: string;
  readonly status: string;
  readonly statusCode: string;
  readonly message: string;
};

export type NewKeyAnswer = { readonly id: string; readonly user: string; readonly secret: string };

export type KeyAnswer = {
  readonly id: string;
  readonly user: string;
  readonly isEnabled: boolean;
  readonly hasPolicy: boolean;
  /** Null for a key of the configuration. */
  readonly createdAt: string | null;
};

/**
 * What the endpoint needs of the running service, once a request has been authorized. Implementations throw `CodedError`.
 * `signal` is aborted when the client goes away. An integration is given by its uuid, which was in the catalog a moment
 * ago; for `events` it may have been deleted.
 */
export interface OperatorPort {
  readonly status: (options: StatusOptions, signal: AbortSignal) => Promise<StatusReport>;
  readonly query: (options: QueryOptions, signal: AbortSignal) => Promise<OperatorRows>;
  readonly dropDatabase: (options: DropOptions, signal: AbortSignal) => Promise<void>;
  /** Ends without a line for an integration that has no tables. */
  readonly verify: (integrationId: string, signal: AbortSignal) => AsyncIterable<VerificationLine>;
  /** Oldest first. */
  readonly events: (options: EventsOptions, signal: AbortSignal) => AsyncIterable<EventLine>;
}

export interface StatusOptions {
  /** Every integration if undefined. */
  readonly integrationId: string | undefined;
  /** Others are left out. */
  readonly isVisible: (integration: Integration) => boolean;
}

export interface QueryOptions {
  readonly targetArn: string;
  readonly sql: string;
  readonly nested: "text" | "json";
  /** The access key of the caller. */
  readonly keyId: string;
}

export interface DropOptions {
  readonly targetArn: string;
  readonly name: string;
}

export interface EventsOptions {
  /** Every integration if undefined. */
  readonly integrationId: string | undefined;
  readonly since: Date;
  /** Events of others are left out. */
  readonly isVisible: (integrationId: string) => Promise<boolean>;
}

/** A `QueryResult` of a warehouse fits. */
export interface OperatorRows {
  readonly columns: readonly QueryColumn[];
  /** Sentences for the caller about what the rows are not. */
  readonly notices: readonly string[];
  /** A slow client slows these down and nothing else. */
  readonly rows: AsyncIterable<QueryRows>;
}
