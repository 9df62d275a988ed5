import { sql, type Insertable } from "kysely";
import type { Integration, IntegrationStatus } from "../../model/integration.ts";
import type { Changes } from "./changes.ts";
import type { CatalogDatabase } from "../store/database.ts";
import { statusHappening, type Happening } from "../events/happenings.ts";
import { lockIntegration, readByPair, readOne } from "./read.ts";
import type { IntegrationsTable } from "../store/schema.ts";

/** An integration as requested through the API. */
export type NewIntegration = Pick<
  Integration,
  | "id"
  | "name"
  | "sourceArn"
  | "targetArn"
  | "dataFilter"
  | "description"
  | "kmsKeyId"
  | "additionalEncryptionContext"
  | "tags"
  | "createdAt"
> & {
  /** The integration's data key as its KMS key wrapped it. */
  readonly wrappedKey: string;
};

/** How many integrations may exist, including those being deleted. */
export interface Quotas {
  readonly perAccount: number;
  readonly perTarget: number;
  readonly perSource: number;
}

export type Creation =
  | { readonly kind: "created"; readonly integration: Integration }
  | { readonly kind: "name-taken" }
  /** Another integration has this source and this target. */
  | { readonly kind: "pair-taken"; readonly integration: Integration }
  | { readonly kind: "quota-exceeded"; readonly quota: keyof Quotas };

export interface IntegrationChange {
  readonly name?: string | undefined;
  readonly dataFilter?: string | undefined;
  readonly description?: string | undefined;
}

export type Modification =
  | { readonly kind: "modified"; readonly integration: Integration }
  | { readonly kind: "unknown" }
  | { readonly kind: "name-taken" }
  | { readonly kind: "wrong-state"; readonly integration: Integration };

export type Deletion =
  | { readonly kind: "deleting"; readonly integration: Integration }
  | { readonly kind: "unknown" }
  | { readonly kind: "wrong-state"; readonly integration: Integration };

/** Of concurrent requests for one name, one pair or the last place in a quota, exactly one succeeds. */
export async function createIntegration(
  changes: Changes,
  desired: NewIntegration,
  quotas: Quotas,
): Promise<Creation> {
  return changes.transaction(async (tx, tell): Promise<Creation> => {
    await lockCreation(tx);
    const obstacle = await obstacleTo(tx, desired, quotas);
    if (obstacle !== undefined) return obstacle;
    await tx.insertInto("integrations").values(newRow(desired)).execute();
    if (desired.tags.length > 0)
      await tx
        .insertInto("tags")
        .values(desired.tags.map(({ key, value }) => ({ integration_id: desired.id, key, value })))
        .execute();
    const integration = await readOne(tx, desired.id);
    tell(integration, [statusHappening("creation-started", "creating")]);
    return { kind: "created", integration };
  });
}

function newRow(desired: NewIntegration): Insertable<IntegrationsTable> {
  return {
    id: desired.id,
    name: desired.name,
    name_key: nameKey(desired.name),
    source_arn: desired.sourceArn,
    target_arn: desired.targetArn,
    data_filter: desired.dataFilter,
    description: desired.description ?? null,
    kms_key_id: desired.kmsKeyId,
    encryption_context: JSON.stringify(desired.additionalEncryptionContext),
    wrapped_key: desired.wrappedKey,
    created_at: desired.createdAt,
    wanted: "present",
    generation: 1,
    status: "creating",
    errors: "[]",
  };
}

async function obstacleTo(
  tx: CatalogDatabase,
  desired: NewIntegration,
  quotas: Quotas,
): Promise<Exclude<Creation, { kind: "created" }> | undefined> {
  if (await isNameTaken(tx, desired.name)) return { kind: "name-taken" };
  const integration = await readByPair(tx, desired);
  if (integration !== undefined) return { kind: "pair-taken", integration };
  const used = await tx
    .selectFrom("integrations")
    .select([
      sql<number>`count(*)::integer`.as("perAccount"),
      sql<number>`(count(*) FILTER (WHERE target_arn = ${desired.targetArn}))::integer`.as("perTarget"),
      sql<number>`(count(*) FILTER (WHERE source_arn = ${desired.sourceArn}))::integer`.as("perSource"),
    ])
    .executeTakeFirstOrThrow();
  const names = ["perAccount", "perTarget", "perSource"] as const;
  const quota = names.find((name) => used[name] >= quotas[name]);
  return quota === undefined ? undefined : { kind: "quota-exceeded", quota };
}

const modifiable: readonly IntegrationStatus[] = ["active", "syncing", "needs_attention"];

/**
 * A new name or description changes nothing for the runtime and does not affect status and generation. A new data
 * filter starts a generation with status `modifying`.
 */
export async function modifyIntegration(
  changes: Changes,
  id: string,
  change: IntegrationChange,
): Promise<Modification> {
  return changes.transaction(async (tx, tell): Promise<Modification> => {
    if (change.name !== undefined) await lockCreation(tx);
    const integration = await lockIntegration(tx, id);
    if (integration === undefined) return { kind: "unknown" };
    if (!isOpenTo(modifiable, integration)) return { kind: "wrong-state", integration };
    const { name = integration.name, dataFilter = integration.dataFilter } = change;
    if (nameKey(name) !== nameKey(integration.name) && (await isNameTaken(tx, name)))
      return { kind: "name-taken" };
    const refiltered = dataFilter !== integration.dataFilter;
    await tx
      .updateTable("integrations")
      .set({
        name,
        name_key: nameKey(name),
        description: change.description ?? integration.description ?? null,
        ...(refiltered
          ? {
              data_filter: dataFilter,
              generation: integration.generation + 1,
              status: "modifying" as const,
              errors: "[]",
            }
          : {}),
      })
      .where("id", "=", id)
      .execute();
    const modified = await readOne(tx, id);
    tell(modified, modificationHappenings(integration, modified));
    return { kind: "modified", integration: modified };
  });
}

function modificationHappenings(before: Integration, after: Integration): Happening[] {
  if (before.generation !== after.generation)
    return [statusHappening("modification-started", after.status, `the data filter is ${after.dataFilter}`)];
  const { name, status, description } = after;
  if (before.name === name && before.description === description) return [];
  const detail = before.name === name ? "the description is new" : `${before.name} is called ${name} now`;
  return [{ kind: "modified", status, statusCode: "MODIFIED", detail }];
}

const deletable: readonly IntegrationStatus[] = ["active", "failed", "syncing", "needs_attention"];

/** From now on, the runtime removes the integration. It exists until the runtime reports that it is removed. */
export async function deleteIntegration(changes: Changes, id: string): Promise<Deletion> {
  return changes.transaction(async (tx, tell): Promise<Deletion> => {
    const integration = await lockIntegration(tx, id);
    if (integration === undefined) return { kind: "unknown" };
    if (!isOpenTo(deletable, integration)) return { kind: "wrong-state", integration };
    await tx
      .updateTable("integrations")
      .set({
        wanted: "absent",
        status: "deleting",
        generation: integration.generation + 1,
        errors: "[]",
      })
      .where("id", "=", id)
      .execute();
    const deleting = await readOne(tx, id);
    tell(deleting, [statusHappening("deletion-started", "deleting")]);
    return { kind: "deleting", integration: deleting };
  });
}

/**
 * Whether the status permits a change. `creating` and `modifying` do not, as at AWS, where they end automatically. Here
 * they may wait for a person, which `Errors` shows: then the filter can be changed or the integration deleted.
 */
function isOpenTo(statuses: readonly IntegrationStatus[], { status, errors }: Integration): boolean {
  if (statuses.includes(status)) return true;
  return (status === "creating" || status === "modifying") && errors.length > 0;
}

async function isNameTaken(tx: CatalogDatabase, name: string): Promise<boolean> {
  const row = await tx
    .selectFrom("integrations")
    .select("id")
    .where("name_key", "=", nameKey(name))
    .executeTakeFirst();
  return row !== undefined;
}

/** Names are ASCII, so lower case is the same everywhere. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

// One at a time: READ COMMITTED would let two transactions count the same quota.
async function lockCreation(tx: CatalogDatabase): Promise<void> {
  await tx.selectFrom("settings").select("key").where("key", "=", "creation").forUpdate().execute();
}
