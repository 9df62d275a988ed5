import { sql } from "kysely";
import type { Tag } from "../../model/integration.ts";
import type { CatalogDatabase } from "../store/database.ts";
import { tagsMax } from "./tags.ts";

/** The catalog's data on a configured source. */
export interface SourceFacts {
  /** In the order of their keys. */
  readonly tags: readonly Tag[];
  /** The server's version, as the runtime last reported it; undefined before the first report. */
  readonly engineVersion: string | undefined;
  /** The codes in `Errors` of its integrations. */
  readonly errorCodes: readonly string[];
}

interface SourceRow extends Omit<SourceFacts, "engineVersion"> {
  readonly arn: string;
  readonly engineVersion: string | null;
}

/** By ARN, for each of the ARNs. */
export async function readSources(
  db: CatalogDatabase,
  arns: readonly string[],
): Promise<ReadonlyMap<string, SourceFacts>> {
  const { rows } = await sql<SourceRow>`
    SELECT arn,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'value', value) ORDER BY key COLLATE "C"), '[]')
        FROM zeroetl.source_tags WHERE source_arn = arn) AS "tags",
      (SELECT engine_version FROM zeroetl.source_versions WHERE source_arn = arn) AS "engineVersion",
      (SELECT coalesce(jsonb_agg(DISTINCT error -> 'code'), '[]')
        FROM zeroetl.integrations, jsonb_array_elements(errors) AS error WHERE source_arn = arn) AS "errorCodes"
    FROM unnest(${[...arns]}::text[]) AS arn
  `.execute(db);
  return new Map(
    rows.map(({ arn, engineVersion, ...facts }) => [
      arn,
      { ...facts, engineVersion: engineVersion ?? undefined },
    ]),
  );
}

/** Replaces the previous report. */
export async function writeSourceVersion(
  db: CatalogDatabase,
  arn: string,
  engineVersion: string,
): Promise<void> {
  await db
    .insertInto("source_versions")
    .values({ source_arn: arn, engine_version: engineVersion })
    .onConflict((conflict) => conflict.column("source_arn").doUpdateSet({ engine_version: engineVersion }))
    .execute();
}

/** An existing key gets the new value. Adds all of the tags or none. */
export async function addSourceTags(
  db: CatalogDatabase,
  arn: string,
  tags: readonly Tag[],
): Promise<"tagged" | "too-many"> {
  return db.transaction().execute(async (tx) => {
    // No row represents the source and could be locked, so writers of tags run one at a time.
    await sql`LOCK TABLE zeroetl.source_tags IN SHARE ROW EXCLUSIVE MODE`.execute(tx);
    const there = await tx.selectFrom("source_tags").select("key").where("source_arn", "=", arn).execute();
    const keys = new Set([...there, ...tags].map(({ key }) => key));
    if (keys.size > tagsMax) return "too-many";
    if (tags.length > 0)
      await tx
        .insertInto("source_tags")
        .values(tags.map(({ key, value }) => ({ source_arn: arn, key, value })))
        .onConflict((conflict) =>
          conflict.columns(["source_arn", "key"]).doUpdateSet({ value: sql`excluded.value` }),
        )
        .execute();
    return "tagged";
  });
}

/** Missing keys are ignored. */
export async function removeSourceTags(
  db: CatalogDatabase,
  arn: string,
  keys: readonly string[],
): Promise<void> {
  await db
    .deleteFrom("source_tags")
    .where("source_arn", "=", arn)
    .where(sql<boolean>`key = ANY (${[...keys]}::text[])`)
    .execute();
}
