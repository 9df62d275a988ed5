import type { FilterDialect } from "./data-filter.ts";

/** The data filters of a kind of source database. */
export interface FilterRules {
  readonly filterDialect: FilterDialect;
  /** The data filter of an integration created without one. Undefined: a filter is required. */
  readonly defaultFilter: string | undefined;
}

/** What is known about a kind of source database without a connection to one. */
export interface EngineKind extends FilterRules {
  readonly defaultPort: number;
  /** The default database of a connection string without a database and a user, if a connection needs one. */
  readonly defaultDatabase: string | undefined;
  /** The major versions that can be replicated, oldest first. */
  readonly majorVersions: readonly string[];
}

/** By the name used in the configuration and the RDS API. */
export type EngineKinds = Readonly<Record<string, EngineKind>>;

/** Every minor version of it can be a source. */
export interface SupportedVersion {
  readonly engine: string;
  /** Such as `16`. */
  readonly majorVersion: string;
}

export function supportedVersions(kinds: EngineKinds): SupportedVersion[] {
  return Object.entries(kinds).flatMap(([engine, { majorVersions }]) =>
    majorVersions.map((majorVersion) => ({ engine, majorVersion })),
  );
}
