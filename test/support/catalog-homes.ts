import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CatalogLocation } from "../../src/catalog/store/database.ts";
import type { NewIntegration, Quotas } from "../../src/catalog/integrations/desired-state.ts";
import type { TableStatus } from "../../src/model/integration.ts";
import { TestPostgres } from "./postgres.ts";

/** Where a test's catalog is. */
export interface CatalogHome {
  readonly location: CatalogLocation;
  readonly close: () => Promise<void>;
}

/** Both kinds of place that a catalog can be in: what holds for one must hold for the other. */
export const catalogHomes: Readonly<Record<string, () => Promise<CatalogHome>>> = {
  "embedded in a directory": async () => {
    const directory = await mkdtemp(join(tmpdir(), "zeroetl-catalog-"));
    const close = (): Promise<void> => rm(directory, { recursive: true, force: true });
    return { location: { kind: "directory", directory: join(directory, "catalog") }, close };
  },
  "in a PostgreSQL server": async () => {
    const server = await TestPostgres.start({ version: 14 });
    return {
      location: { kind: "server", url: server.url() },
      close: () => server[Symbol.asyncDispose](),
    };
  },
};

/** Quotas that no test reaches. */
export const ampleQuotas: Quotas = { perAccount: 1_000, perTarget: 1_000, perSource: 1_000 };

let unique = 0;

/** A request that succeeds: a name, a source and a target that nobody else has. */
export function desired(over: Partial<NewIntegration> = {}): NewIntegration {
  unique += 1;
  return {
    id: randomUUID(),
    name: `name-${unique}`,
    sourceArn: `source-${unique}`,
    targetArn: `target-${unique}`,
    dataFilter: "include: shop.*.*",
    description: undefined,
    kmsKeyId: "key",
    additionalEncryptionContext: {},
    wrappedKey: "wrapped",
    tags: [],
    createdAt: new Date("2026-01-31T12:34:56.789Z"),
    ...over,
  };
}

export function table(name: string, over: Partial<TableStatus> = {}): TableStatus {
  return {
    sourceDatabase: "shop",
    destinationDatabase: "shop",
    schema: "public",
    table: name,
    state: "Synced",
    reason: undefined,
    rows: 1,
    isEstimate: true,
    ...over,
  };
}
