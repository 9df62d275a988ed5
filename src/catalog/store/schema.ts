import type { ColumnType, Generated } from "kysely";
import type { EventCategory, EventSeverity, EventStatus } from "../../model/event.ts";
import type { IntegrationError, IntegrationStatus } from "../../model/integration.ts";
import type { TableStateName } from "../../model/replication/table-state.ts";

/** Everything is in this schema, so that a catalog can share a database with other data. */
export const catalogSchema = "zeroetl";

/** Written as JSON text, read as the value. */
type Json<T> = ColumnType<T, string, string>;

/** The API writes the desired state, the runtime `status` and `errors`. */
export interface IntegrationsTable {
  /** Increases with each creation; the order of pages. */
  readonly ordinal: Generated<number>;
  readonly id: string;
  readonly name: string;
  /** The name in lower case: names are unique regardless of case. */
  readonly name_key: string;
  readonly source_arn: string;
  readonly target_arn: string;
  readonly data_filter: string;
  readonly description: string | null;
  readonly kms_key_id: string;
  readonly encryption_context: Json<Readonly<Record<string, string>>>;
  /**
   * The data key, in base64, as wrapped by the KMS key; null until first needed for an integration that predates data
   * keys.
   */
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

/**
 * Tags of configured sources. They are kept when a source is removed from the configuration, and apply again when it
 * returns.
 */
export interface SourceTagsTable {
  readonly source_arn: string;
  readonly key: string;
  readonly value: string;
}

/** Versions of configured sources, as the runtime last reported them. */
export interface SourceVersionsTable {
  readonly source_arn: string;
  readonly engine_version: string;
}

/** As the runtime last reported them. */
export interface TableStatesTable {
  readonly integration_id: string;
  readonly source_database: string;
  readonly destination_database: string;
  readonly schema_name: string;
  readonly table_name: string;
  readonly state: TableStateName;
  readonly reason: IntegrationError | null;
  readonly row_count: number;
}

/** The events of the last 14 days, including those of integrations that no longer exist. */
export interface EventsTable {
  /** Increases with each event; the order of pages. */
  readonly ordinal: Generated<number>;
  readonly uuid: string;
  readonly integration_id: string;
  /** Its name at that time. */
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
  /** Whether it has yet to be delivered. */
  readonly is_pending: boolean;
}

/** Access keys that were created at run time. */
export interface AccessKeysTable {
  readonly id: string;
  readonly user_name: string;
  /** Encrypted; the key to decrypt it is not in the catalog. */
  readonly sealed_secret: string;
  /** The JSON text of a policy document. */
  readonly policy: string | null;
  readonly is_enabled: boolean;
  readonly created_at: Date;
}

/**
 * Policies of configured targets. They are kept when a target is removed from the configuration, and apply again when
 * it returns.
 */
export interface ResourcePoliciesTable {
  readonly resource_arn: string;
  /** The JSON text of a policy document, as it was put. */
  readonly policy: string;
}

/**
 * Facts about the catalog itself. `epoch` is the first number that has not been reserved for an epoch. Creating or renaming an integration locks the row `creation`, writing events locks
 * the row `events`.
 */
export interface SettingsTable {
  readonly key: "creation" | "epoch" | "events" | "marker_key";
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
