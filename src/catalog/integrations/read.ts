import { sql, type Selectable } from "kysely";
import { present } from "../../base/assert.ts";
import type { Integration, IntegrationStatus, Tag } from "../../model/integration.ts";
import type { CatalogDatabase } from "../store/database.ts";
import type { IntegrationsTable } from "../store/schema.ts";

export interface PageRequest {
  /** The ordinal of the last integration of the previous page; undefined for the first page. */
  readonly after: number | undefined;
  readonly limit: number;
  readonly filter: IntegrationFilter;
}

/** All filters given must match; each matches if one of its values does. */
export interface IntegrationFilter {
  readonly ids?: readonly string[] | undefined;
  readonly sourceArns?: readonly string[] | undefined;
  readonly targetArns?: readonly string[] | undefined;
  readonly statuses?: readonly string[] | undefined;
}

export interface Page {
  readonly integrations: readonly Integration[];
  /** The `after` of the next page; undefined when this is the last one. */
  readonly next: number | undefined;
}

interface TagList {
  readonly tags: readonly Tag[];
}

/** An integration's row, and its tags in the order of their keys. */
type IntegrationRow = Selectable<IntegrationsTable> & TagList;

/** Everything that the catalog stores about an integration, except its tables. */
export interface StoredIntegration {
  readonly integration: Integration;
  /** Increases with each creation. */
  readonly ordinal: number;
  readonly wanted: "present" | "absent";
  /** The data key as the KMS key wrapped it; undefined for an integration that has none yet. */
  readonly wrappedKey: string | undefined;
}

function selectRows(db: CatalogDatabase) {
  return db
    .selectFrom("integrations")
    .selectAll()
    .select(
      sql<readonly Tag[]>`(
      SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'value', value) ORDER BY key COLLATE "C"), '[]')
      FROM zeroetl.tags WHERE integration_id = integrations.id
    )`.as("tags"),
    );
}

/** In the order of creation. */
export async function readStored(db: CatalogDatabase): Promise<readonly StoredIntegration[]> {
  const rows = await selectRows(db).orderBy("ordinal").execute();
  return rows.map((row) => ({
    integration: integrationOf(row),
    ordinal: row.ordinal,
    wanted: row.wanted,
    wrappedKey: row.wrapped_key ?? undefined,
  }));
}

/**
 * Of all integrations in the order of creation. Whatever is created and deleted between pages, an integration that
 * exists throughout is on exactly one of them.
 */
export function pageOf(all: readonly StoredIntegration[], { after = 0, limit, filter }: PageRequest): Page {
  const found = all.filter(({ ordinal, integration }) => ordinal > after && matches(integration, filter));
  const page = found.slice(0, limit);
  return {
    integrations: page.map(({ integration }) => integration),
    next: found.length > limit ? page.at(-1)?.ordinal : undefined,
  };
}

function matches(
  { id, sourceArn, targetArn, status }: Integration,
  { ids, sourceArns, targetArns, statuses }: IntegrationFilter,
): boolean {
  return (
    isOneOf(id, ids) &&
    isOneOf(sourceArn, sourceArns) &&
    isOneOf(targetArn, targetArns) &&
    isOneOf(status, statuses)
  );
}

function isOneOf(value: string, values: readonly string[] | undefined): boolean {
  return values === undefined || values.includes(value);
}

export async function readIntegration(db: CatalogDatabase, id: string): Promise<Integration | undefined> {
  const row = await selectRows(db).where("id", "=", id).executeTakeFirst();
  return row === undefined ? undefined : integrationOf(row);
}

/** Until the transaction ends, no other transaction can change it or its tags. */
export async function lockIntegration(tx: CatalogDatabase, id: string): Promise<Integration | undefined> {
  const row = await tx
    .selectFrom("integrations")
    .select("id")
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
  // A statement that waits for a lock sees the tags as of before the wait; the next statement sees their current state.
  return row === undefined ? undefined : readIntegration(tx, id);
}

/** An integration that the transaction has just written. */
export async function readOne(tx: CatalogDatabase, id: string): Promise<Integration> {
  return present(await readIntegration(tx, id), "what a transaction has written, it reads");
}

/** The integration with this source and this target. */
export async function readByPair(
  db: CatalogDatabase,
  { sourceArn, targetArn }: Pick<Integration, "sourceArn" | "targetArn">,
): Promise<Integration | undefined> {
  const row = await selectRows(db)
    .where("source_arn", "=", sourceArn)
    .where("target_arn", "=", targetArn)
    .executeTakeFirst();
  return row === undefined ? undefined : integrationOf(row);
}

function integrationOf(row: IntegrationRow): Integration {
  return {
    id: row.id,
    name: row.name,
    sourceArn: row.source_arn,
    targetArn: row.target_arn,
    dataFilter: row.data_filter,
    description: row.description ?? undefined,
    kmsKeyId: row.kms_key_id,
    additionalEncryptionContext: row.encryption_context,
    tags: row.tags,
    createdAt: row.created_at,
    status: row.status satisfies IntegrationStatus,
    errors: row.errors,
    generation: row.generation,
  };
}
