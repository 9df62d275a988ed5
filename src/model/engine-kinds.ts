import type { FilterDialect } from "./data-filter.ts";

/** What is known about a kind of source database without a connection to one. */
export interface EngineKind {
  /** The source engine that reads it: a name in `source/engines.ts`. */
  readonly family: "postgres" | "mysql";
  readonly filterDialect: FilterDialect;
  /** The data filter of an integration created without one. Undefined: a filter is required. */
  readonly defaultFilter: string | undefined;
  readonly defaultPort: number;
  /** The default database of a connection string without a database and a user, if a connection needs one. */
  readonly defaultDatabase: string | undefined;
  /** The major versions that can be replicated, oldest first. Empty: the kind is not supported yet. */
  readonly majorVersions: readonly string[];
}

const postgres: EngineKind = {
  family: "postgres",
  filterDialect: "postgres",
  defaultFilter: undefined,
  defaultPort: 5432,
  defaultDatabase: "postgres",
  majorVersions: ["14", "15", "16", "17", "18"],
};

const mysql: EngineKind = {
  family: "mysql",
  filterDialect: "mysql",
  defaultFilter: "include: *.*",
  defaultPort: 3306,
  defaultDatabase: undefined,
  majorVersions: [],
};

/** By the name used in the configuration and the RDS API. This is the only place that lists them. */
export const engineKinds = {
  postgres,
  "aurora-postgresql": postgres,
  mysql,
  mariadb: mysql,
  "aurora-mysql": mysql,
} as const satisfies Record<string, EngineKind>;

export type EngineName = keyof typeof engineKinds;

export const engineNames = Object.keys(engineKinds) as [EngineName, ...EngineName[]];

/** Every minor version of it can be a source. */
export interface SupportedVersion {
  readonly engine: EngineName;
  /** Such as `16`. */
  readonly majorVersion: string;
}

export const supportedVersions: readonly SupportedVersion[] = engineNames.flatMap((engine) =>
  engineKinds[engine].majorVersions.map((majorVersion) => ({ engine, majorVersion })),
);
