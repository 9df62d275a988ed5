import type { Integration } from "../../model/integration.ts";

/** Any JSON value. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined };

export type JsonObject = { readonly [name: string]: JsonValue | undefined };

/**
 * The requests of our own command line to the running service, over HTTP: `POST /zeroetl/<path>`, a JSON object as the
 * body, signed with SigV4 under the service name `zeroetl`. A key with a policy needs permission for the action.
 *
 * | path | body | answer | action, resource |
 * |---|---|---|---|
 * | `status` | `{}` or `{"integration": "uuid, ARN or name"}` | one JSON object | `zeroetl:GetStatus`, integration |
 * | `query` | `{"sql": "…"}`, with `"target": "name or ARN"` if there are several, and `"nested": "json"` for values of nested types as JSON | NDJSON: `{"columns": […], "notices": […]}`, then `{"rows": […]}` as often as needed | `zeroetl:Query`, `*` |
 * | `drop-database` | `{"name": "…"}`, with `"target"` as above | `{}` | `zeroetl:DropDatabase`, the target's ARN |
 * | `verify` | `{"integration": "uuid, ARN or name"}` | NDJSON: what the port yields, one per line | `zeroetl:Verify`, integration |
 * | `events` | `{"since": "ISO 8601, UTC"}`, with `"integration"` or without | as `verify` | `zeroetl:GetEvents`, integration |
 * | `create-key` | `{"user": "…", "policy": document}`, or without policy | `{"id", "user", "secret"}` | `zeroetl:CreateKey`, user |
 * | `list-keys` | `{}` | `{"keys": [{"id", "user", "isEnabled", "hasPolicy", "createdAt"}]}` | `zeroetl:ListKeys`, user |
 * | `rotate-key` | `{"id": "access key id"}` | as `create-key` | `zeroetl:RotateKey`, user |
 * | `enable-key`, `disable-key`, `delete-key` | `{"id": "access key id"}` | `{}` | `zeroetl:EnableKey` and so on, user |
 *
 * An NDJSON answer ends with `{"end": true}`, or with `{"error": {code, message, fix}}` if it failed midway; one that
 * ends with neither was cut off. The answer to a refused request, including SQL that fails before its first row, is a
 * JSON object `{code, message, fix}` with status 4xx; an internal failure has status 500 and the code INTERNAL.
 *
 * Implementations throw `CodedError`. `signal` is aborted when the client disconnects. An integration is given by its
 * uuid, which was in the catalog a moment ago; for `events`, the integration may no longer exist.
 */
export interface OperatorPort {
  readonly status: (request: StatusRequest, signal: AbortSignal) => Promise<JsonObject>;
  readonly query: (request: QueryRequest, signal: AbortSignal) => Promise<OperatorRows>;
  readonly dropDatabase: (request: DropRequest, signal: AbortSignal) => Promise<void>;
  readonly verify: (integrationId: string, signal: AbortSignal) => AsyncIterable<JsonObject>;
  readonly events: (request: EventsRequest, signal: AbortSignal) => AsyncIterable<JsonObject>;
}

export interface StatusRequest {
  /** All integrations when absent. */
  readonly integrationId: string | undefined;
  /** Nothing is reported about other integrations. */
  readonly isVisible: (integration: Integration) => boolean;
}

export interface QueryRequest {
  readonly targetArn: string;
  readonly sql: string;
  /** How values of nested types are written: in the warehouse's notation, or as JSON. */
  readonly nested: "text" | "json";
  /** The caller's access key. */
  readonly keyId: string;
}

export interface DropRequest {
  readonly targetArn: string;
  readonly name: string;
}

export interface EventsRequest {
  /** All integrations when absent. */
  readonly integrationId: string | undefined;
  readonly since: Date;
  /** Nothing is reported about other integrations. */
  readonly isVisible: (integrationId: string) => Promise<boolean>;
}

/** A `QueryResult` of a warehouse is compatible. */
export interface OperatorRows {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Sentences for the caller: the limitations of the rows. */
  readonly notices: readonly string[];
  /** Values as text in the warehouse's notation, null for NULL. A slow client slows down only this iteration. */
  readonly rows: AsyncIterable<readonly (readonly (string | null)[])[]>;
}
