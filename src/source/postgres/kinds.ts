import type { EngineKind } from "../../model/engine-kinds.ts";

const postgres: EngineKind = {
  filterDialect: "postgres",
  defaultFilter: undefined,
  defaultPort: 5432,
  defaultDatabase: "postgres",
  majorVersions: ["14", "15", "16", "17", "18"],
};

export const postgresKinds = { postgres, "aurora-postgresql": postgres } as const;
