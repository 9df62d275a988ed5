import type { ColumnType, Generated } from "kysely";
import type { EventCategory, EventSeverity, EventStatus } from "../../model/event.ts";
import type { IntegrationError, IntegrationStatus } from "../../model/integration.ts";
import type { TableStateName } from "../../model/replication/table-state.ts";

/** Everything lives in this schema, so that a catalog can share a database with something else. */
export const catalogSchema = "zeroetl";

/** Written as JSON text, read as the value. */
type Json<T> = ColumnType<T, string, string>;

/** The API writes what is wanted, the runtime `status` and `errors`. */
export interface IntegrationsTable {
  /** Grows with each creation; the order of pages. */
  readonly ordinal: Generated<number>;
  readonly id: string;
  readonly name: string;
  /** The name in lower case: names are unique without regard to case. */
  readonly name_key: string;
  readonly source_arn: string;
  readonly target_arn: string;
  readonly data_filter: string;
  readonly description: string | null;
  readonly kms_key_id: string;
  readonly encryption_context: Json<Readonly<Record<string, string>>>;
  /** The data key, in base64, as the KMS key wrapped it; null until it is first needed where it came later. */
  readonly wrapped_key: string | null;
  readonly created_at: Date;
  readonly wanted: "present" | "absent";
  readonly generation: number;
  readonly status: IntegrationStatus;
  readonly errors: Json<readonly IntegrationError[]>;
}

export interface TagsTable {
  readonly integration_id: string;
  readonly key: string;
  readonly value: string;
}

/** Of configured sources. They stay when a source is taken out of the configuration, and are there when it comes back. */
export interface SourceTagsTable {
  readonly source_arn: string;
  readonly key: string;
  readonly value: string;
}

/** Of configured sources, as the runtime reported it last. */
export interface SourceVersionsTable {
  readonly source_arn: string;
  readonly engine_version: string;
}

/** As the runtime reported them last. */
export interface TableStatesTable {
  readonly integration_id: string;
  readonly source_database: string;
  readonly destination_database: string;
  readonly schema_name: string;
  readonly table_name: string;
  readonly state: TableStateName;
  readonly reason: string | null;
  readonly row_count: number;
}

/** What happened, for 14 days; integrations that are gone included. */
export interface EventsTable {
  /** Grows with each event; the order of pages. */
  readonly ordinal: Generated<number>;
  readonly uuid: string;
  readonly integration_id: string;
  /** As it was called then. */
  readonly integration_name: string;
  readonly source_arn: string;
  readonly target_arn: string;
  readonly event_id: string;
  readonly severity: EventSeverity;
  readonly category: EventCategory;
  readonly status: EventStatus;
  readonly status_code: string;
  readonly message: string;
  readonly created_at: Date;
  /** Whether somebody has yet to take it. */
  readonly is_pending: boolean;
}

/** Access keys that were made while the service ran. */
export interface AccessKeysTable {
  readonly id: string;
  readonly user_name: string;
  /** Encrypted; what opens it is not in the catalog. */
  readonly sealed_secret: string;
  /** The JSON text of a policy document. */
  readonly policy: string | null;
  readonly is_enabled: boolean;
  readonly created_at: Date;
}

/** Policies of configured targets. They stay when a target is taken out of the configuration, and hold when it comes back. */
export interface ResourcePoliciesTable {
  readonly resource_arn: string;
  /** The JSON text of a policy document, as it was put. */
  readonly policy: string;
}

/**
 * Facts about the catalog itself. The row `creation` is locked by whoever creates or renames an integration, the row
 * `events` by whoever writes events.
 */
export interface SettingsTable {
  readonly key: "creation" | "events" | "marker_key";
  readonly value: string;
}

export interface CatalogTables {
  readonly integrations: IntegrationsTable;
  readonly tags: TagsTable;
  readonly source_tags: SourceTagsTable;
  readonly source_versions: SourceVersionsTable;
  readonly table_states: TableStatesTable;
  readonly events: EventsTable;
  readonly settings: SettingsTable;
  readonly access_keys: AccessKeysTable;
  readonly resource_policies: ResourcePoliciesTable;
}
