import { sql } from "kysely";
import type { Tag } from "../../model/integration.ts";
import type { CatalogDatabase } from "../store/database.ts";
import { lockIntegration } from "./read.ts";

export const tagsMax = 50;

export type Tagging = { readonly kind: "tagged" | "unknown" | "too-many" };

/** An existing key gets the new value. Adds all of the tags or none. */
export async function addTags(db: CatalogDatabase, id: string, tags: readonly Tag[]): Promise<Tagging> {
  return db.transaction().execute(async (tx): Promise<Tagging> => {
    const integration = await lockIntegration(tx, id);
    if (integration === undefined) return { kind: "unknown" };
    const keys = new Set([...integration.tags, ...tags].map(({ key }) => key));
    if (keys.size > tagsMax) return { kind: "too-many" };
    if (tags.length > 0)
      await tx
        .insertInto("tags")
        .values(tags.map(({ key, value }) => ({ integration_id: id, key, value })))
        .onConflict((conflict) =>
          conflict.columns(["integration_id", "key"]).doUpdateSet({ value: sql`excluded.value` }),
        )
        .execute();
    return { kind: "tagged" };
  });
}

/** Missing keys are ignored. False when the integration does not exist. */
export async function removeTags(db: CatalogDatabase, id: string, keys: readonly string[]): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    if ((await lockIntegration(tx, id)) === undefined) return false;
    await tx
      .deleteFrom("tags")
      .where("integration_id", "=", id)
      .where(sql<boolean>`key = ANY (${[...keys]}::text[])`)
      .execute();
    return true;
  });
}
