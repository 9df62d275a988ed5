import { sql } from "kysely";
import type { Tag } from "../../model/integration.ts";
import type { CatalogDatabase } from "../store/database.ts";
import { tagsMax } from "./tags.ts";

/** What the catalog knows of a configured source. */
export interface SourceFacts {
  /** In the order of their keys. */
  readonly tags: readonly Tag[];
  /** Of its server, as the runtime reported it last; undefined before the first report. */
  readonly engineVersion: string | undefined;
  /** The codes in `Errors` of the integrations that it has. */
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

/** Replaces what was reported before. */
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

/** A key that exists gets the new value. All of the tags or none. */
export async function addSourceTags(
  db: CatalogDatabase,
  arn: string,
  tags: readonly Tag[],
): Promise<"tagged" | "too-many"> {
  return db.transaction().execute(async (tx) => {
    // There is no row to lock that stands for the source: writers of tags go one at a time.
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

/** Keys that are not there are fine. */
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
