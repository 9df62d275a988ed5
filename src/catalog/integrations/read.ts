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

/** An integration's row, with its ordinal, its desired state, and its tags in the order of their keys. */
export type IntegrationRow = Selectable<IntegrationsTable> & TagList;

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

export async function readAll(db: CatalogDatabase): Promise<IntegrationRow[]> {
  return selectRows(db).orderBy("ordinal").execute();
}

/**
 * In the order of creation. Whatever is created and deleted between pages, an integration that exists throughout is on
 * exactly one of them.
 */
export async function readPage(db: CatalogDatabase, { after, limit, filter }: PageRequest): Promise<Page> {
  let query = selectRows(db)
    .orderBy("ordinal")
    .limit(limit + 1);
  if (after !== undefined) query = query.where("ordinal", ">", after);
  if (filter.ids !== undefined) query = query.where(isOneOf("id", filter.ids));
  if (filter.sourceArns !== undefined) query = query.where(isOneOf("source_arn", filter.sourceArns));
  if (filter.targetArns !== undefined) query = query.where(isOneOf("target_arn", filter.targetArns));
  if (filter.statuses !== undefined) query = query.where(isOneOf("status", filter.statuses));
  const rows = await query.execute();
  const page = rows.slice(0, limit);
  const next = rows.length > limit ? page.at(-1)?.ordinal : undefined;
  return { integrations: page.map(integrationOf), next };
}

// A single parameter, so that an empty list is not a special case.
function isOneOf(column: "id" | "source_arn" | "target_arn" | "status", values: readonly string[]) {
  return sql<boolean>`${sql.ref(column)} = ANY (${[...values]}::text[])`;
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

export async function readByName(db: CatalogDatabase, nameKey: string): Promise<Integration | undefined> {
  const row = await selectRows(db).where("name_key", "=", nameKey).executeTakeFirst();
  return row === undefined ? undefined : integrationOf(row);
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

export function integrationOf(row: IntegrationRow): Integration {
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
