import { randomBytes } from "node:crypto";
import { messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { Integration, TableStatus, Tag } from "../model/integration.ts";
import { StoredKeys } from "./access-keys.ts";
import { openDatabase, type CatalogLocation, type OpenDatabase } from "./database.ts";
import { readByName, readIntegration, readPage, type Page, type PageRequest } from "./read.ts";
import {
  readTables,
  readWanted,
  writeReport,
  type IntegrationReport,
  type WantedIntegration,
} from "./reports.ts";
import { addTags, removeTags, type Tagging } from "./tags.ts";
import {
  createIntegration,
  deleteIntegration,
  modifyIntegration,
  nameKey,
  type Creation,
  type Deletion,
  type IntegrationChange,
  type Modification,
  type NewIntegration,
  type Quotas,
} from "./wishes.ts";

export type { IntegrationReport, WantedIntegration };

/** The runtime's side of the catalog: reads wishes, writes what is so. The API's side is disjoint from it. */
export interface RuntimeCatalog {
  readonly wanted: () => Promise<readonly WantedIntegration[]>;
  readonly report: (integrationId: string, report: IntegrationReport) => Promise<void>;
  /** Everything of a deleted integration has been removed at the source: now it is gone, and describe answers 404. */
  readonly forget: (integrationId: string) => Promise<void>;
  /** Calls back after a wish changed in this process. Only a hint: the supervisor also looks by itself. Gives the way to stop. */
  readonly onWish: (listener: () => void) => () => void;
}

const log = logger("catalog");

/**
 * What is wanted and what is so. Whatever a method has returned is on the disk; a method that throws has changed
 * nothing. Everything may be called concurrently.
 */
export class Catalog implements RuntimeCatalog, AsyncDisposable {
  readonly #database: OpenDatabase;
  readonly #listeners = new Set<() => void>();
  #closed: Promise<void> | undefined;
  /** Authenticates markers; the same for every process on this catalog. Never leaves the service. */
  readonly markerKey: Buffer;
  readonly accessKeys: StoredKeys;

  private constructor(database: OpenDatabase, markerKey: Buffer) {
    this.#database = database;
    this.markerKey = markerKey;
    this.accessKeys = new StoredKeys(database.db);
  }

  /** Made when absent. Throws `CodedError`: DATA_DIRECTORY_LOCKED, CONFIGURATION, CATALOG_FAILED. */
  static async open(location: CatalogLocation): Promise<Catalog> {
    const database = await openDatabase(location);
    try {
      return new Catalog(database, await markerKeyOf(database));
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** Waits for what is running. May be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    this.#closed ??= this.#database.close();
    await this.#closed;
  }

  async create(wish: NewIntegration, quotas: Quotas): Promise<Creation> {
    const creation = await createIntegration(this.#database.db, wish, quotas);
    if (creation.kind === "created") this.#tell();
    return creation;
  }

  async modify(id: string, change: IntegrationChange): Promise<Modification> {
    const modification = await modifyIntegration(this.#database.db, id, change);
    if (modification.kind === "modified") this.#tell();
    return modification;
  }

  async delete(id: string): Promise<Deletion> {
    const deletion = await deleteIntegration(this.#database.db, id);
    if (deletion.kind === "deleting") this.#tell();
    return deletion;
  }

  /** By uuid or by name (without regard to case). */
  async find(identifier: string): Promise<Integration | undefined> {
    const { db } = this.#database;
    return (
      (await readIntegration(db, identifier.toLowerCase())) ?? (await readByName(db, nameKey(identifier)))
    );
  }

  async page(request: PageRequest): Promise<Page> {
    return readPage(this.#database.db, request);
  }

  async addTags(id: string, tags: readonly Tag[]): Promise<Tagging> {
    return addTags(this.#database.db, id, tags);
  }

  /** False when the integration does not exist. */
  async removeTags(id: string, keys: readonly string[]): Promise<boolean> {
    return removeTags(this.#database.db, id, keys);
  }

  /** As the runtime reported them last. */
  async tables(integrationId: string): Promise<readonly TableStatus[]> {
    return readTables(this.#database.db, integrationId);
  }

  async wanted(): Promise<readonly WantedIntegration[]> {
    return readWanted(this.#database.db);
  }

  async report(integrationId: string, report: IntegrationReport): Promise<void> {
    await writeReport(this.#database.db, integrationId, report);
  }

  async forget(integrationId: string): Promise<void> {
    await this.#database.db
      .deleteFrom("integrations")
      .where("id", "=", integrationId)
      .where("wanted", "=", "absent")
      .execute();
  }

  onWish(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // The wish is granted by now: a listener that fails must not make it look refused.
  #tell(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        log.error({ reason: messageOf(error) }, "a listener for wishes failed");
      }
    }
  }
}

async function markerKeyOf({ db }: OpenDatabase): Promise<Buffer> {
  const key = "marker_key" as const;
  await db
    .insertInto("settings")
    .values({ key, value: randomBytes(32).toString("hex") })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await db
    .selectFrom("settings")
    .select("value")
    .where("key", "=", key)
    .executeTakeFirstOrThrow();
  return Buffer.from(row.value, "hex");
}
