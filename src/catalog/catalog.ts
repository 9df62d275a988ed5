import type { Integration, IntegrationError, IntegrationStatus, TableStatus } from "../model/integration.ts";

/** An integration with what the supervisor shall do about it. */
export interface WantedIntegration {
  readonly integration: Integration;
  readonly wanted: "present" | "absent";
}

/** What is so, as the runtime found it. */
export interface IntegrationReport {
  /** The generation of the wish that this answers; an older one does not overwrite `modifying` or `deleting`. */
  readonly generation: number;
  readonly status: IntegrationStatus;
  readonly errors: readonly IntegrationError[];
  readonly tables: readonly TableStatus[];
}

/** The runtime's side of the catalog: reads wishes, writes what is so. The API's side is disjoint from it. */
export interface RuntimeCatalog {
  readonly wanted: () => Promise<readonly WantedIntegration[]>;
  readonly report: (integrationId: string, report: IntegrationReport) => Promise<void>;
  /** Everything of a deleted integration has been removed at the source: now it is gone, and describe answers 404. */
  readonly forget: (integrationId: string) => Promise<void>;
  /** Calls back after a wish changed in this process. Only a hint: the supervisor also looks by itself. Gives the way to stop. */
  readonly onWish: (listener: () => void) => () => void;
}
