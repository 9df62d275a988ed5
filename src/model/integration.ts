import type { TableStateName } from "./replication/table-state.ts";

export const integrationStatuses = [
  "creating",
  "active",
  "modifying",
  "failed",
  "deleting",
  "syncing",
  "needs_attention",
] as const;

export type IntegrationStatus = (typeof integrationStatuses)[number];

/** An entry of an integration's `Errors`, or the reason why a table failed. */
export interface IntegrationError {
  readonly code: string;
  readonly message: string;
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** An integration as the API describes it. The API writes the desired state, the runtime `status` and `errors`. */
export interface Integration {
  /** Lower-case uuid, the last part of the ARN. */
  readonly id: string;
  readonly name: string;
  readonly sourceArn: string;
  readonly targetArn: string;
  readonly dataFilter: string;
  readonly description: string | undefined;
  readonly kmsKeyId: string;
  readonly additionalEncryptionContext: Readonly<Record<string, string>>;
  readonly tags: readonly Tag[];
  readonly createdAt: Date;
  readonly status: IntegrationStatus;
  readonly errors: readonly IntegrationError[];
  /** Increases with each change of the desired state. The runtime reports the generation that it has carried out. */
  readonly generation: number;
}

/** One table of an integration as `status` shows it. */
export interface TableStatus {
  readonly sourceDatabase: string;
  readonly destinationDatabase: string;
  readonly schema: string;
  readonly table: string;
  readonly state: TableStateName;
  /** For a failed table: what is wrong, and what to do. */
  readonly reason: IntegrationError | undefined;
  /** Rows copied so far while a copy runs, else rows in the warehouse. */
  readonly rows: number;
  /** `rows` may include deleted rows, or be out of date. */
  readonly isEstimate: boolean;
}
