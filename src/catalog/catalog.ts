import { randomBytes } from "node:crypto";
import { messageOf } from "../base/errors.ts";
import { Listeners } from "../base/listeners.ts";
import { logger } from "../base/log.ts";
import { uuidForm } from "../base/uuid.ts";
import { eventAgeMsMax, type IntegrationEvent } from "../model/event.ts";
import type { Integration, TableStatus, Tag } from "../model/integration.ts";
import { StoredKeys } from "./access/access-keys.ts";
import { reserveEpochs } from "./integrations/epochs.ts";
import { Changes } from "./integrations/changes.ts";
import { Cached } from "./store/cached.ts";
import { openDatabase, type CatalogLocation, type OpenDatabase } from "./store/database.ts";
import {
  readEvents,
  readLastOfName,
  readPending,
  writeTaken,
  type EventPage,
  type EventPageRequest,
} from "./events/events.ts";
import { pageOf, readStored, type Page, type PageRequest } from "./integrations/read.ts";
import {
  forgetIntegration,
  keepDataKey,
  readTables,
  wantedOf,
  writeReport,
  type IntegrationReport,
  type WantedIntegration,
} from "./integrations/reports.ts";
import { ResourcePolicies } from "./access/resource-policies.ts";
import {
  addSourceTags,
  readSources,
  removeSourceTags,
  writeSourceVersion,
  type SourceFacts,
} from "./integrations/sources.ts";
import { addTags, removeTags, type Tagging } from "./integrations/tags.ts";
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
} from "./integrations/desired-state.ts";

export type { IntegrationReport, WantedIntegration };

/**
 * The runtime's side of the catalog: reads the desired state, writes the actual one. It is disjoint from the API's
 * side.
 */
export interface RuntimeCatalog {
  readonly wanted: () => Promise<readonly WantedIntegration[]>;
  readonly report: (integrationId: string, report: IntegrationReport) => Promise<void>;
  /** The version of a source's server. It outlives the source's integrations. */
  readonly reportVersion: (sourceArn: string, engineVersion: string) => Promise<void>;
  /** See `reserveEpochs` in epochs. */
  readonly reserveEpochs: (count: number) => Promise<number>;
  /**
   * Everything of a deleted integration has been removed at the source: it no longer exists, and describe answers 404.
   */
  readonly forget: (integrationId: string) => Promise<void>;
  /**
   * Calls back after the desired state or a target's policy has changed in this process. This is only a hint: the
   * supervisor also polls. Returns a function that stops the calls.
   */
  readonly onDesiredChange: (listener: () => void) => () => void;
}

/** The side for delivering events elsewhere, if the catalog was opened for that. */
export interface EventOutbox {
  /** The first event of each integration that is not yet delivered, oldest first; at most `limit`. */
  readonly pendingEvents: (limit: number) => Promise<readonly IntegrationEvent[]>;
  readonly eventTaken: (ordinal: number) => Promise<void>;
  /**
   * Calls back after events were written in this process. This is only a hint. Returns a function that stops the calls.
   */
  readonly onEvent: (listener: () => void) => () => void;
}

export interface CatalogOptions {
  readonly now?: () => Date;
  /** Whether events are kept for an outbox; events written without one are never delivered. Default false. */
  readonly deliversEvents?: boolean;
}

const log = logger("catalog");

/**
 * The desired and the actual state. What a method has returned is on disk; a method that throws has changed nothing.
 * All methods may be called concurrently. Integrations and resource policies are read from memory while this object has
 * not changed them: see `Cached`.
 */
export class Catalog implements RuntimeCatalog, EventOutbox, AsyncDisposable {
  readonly #database: OpenDatabase;
  /** In the order of creation. */
  readonly #integrations = new Cached(() => readStored(this.#database.db));
  readonly #changes: Changes;
  readonly #now: () => Date;
  readonly #listeners = new Listeners((error) =>
    log.error({ reason: messageOf(error) }, "a listener for the desired state failed"),
  );
  #closed: Promise<void> | undefined;
  /** Authenticates markers; the same for every process that uses this catalog. Never leaves the service. */
  readonly markerKey: Buffer;
  readonly accessKeys: StoredKeys;
  readonly resourcePolicies: ResourcePolicies;

  private constructor(
    database: OpenDatabase,
    markerKey: Buffer,
    { now = () => new Date(), deliversEvents = false }: CatalogOptions,
  ) {
    this.#database = database;
    this.#now = now;
    this.#changes = new Changes({ db: database.db, now, deliversEvents });
    this.markerKey = markerKey;
    this.accessKeys = new StoredKeys(database.db);
    this.resourcePolicies = new ResourcePolicies(database.db, () => this.#listeners.tell());
  }

  /**
   * Creates the catalog if it does not exist. Throws `CodedError`: DATA_DIRECTORY_LOCKED, CONFIGURATION,
   * CATALOG_FAILED.
   */
  static async open(location: CatalogLocation, options: CatalogOptions = {}): Promise<Catalog> {
    const database = await openDatabase(location);
    try {
      return new Catalog(database, await markerKeyOf(database), options);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** Waits for running operations. May be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    this.#closed ??= this.#database.close();
    await this.#closed;
  }

  async create(desired: NewIntegration, quotas: Quotas): Promise<Creation> {
    const creation = await this.#integrations.changing(() =>
      createIntegration(this.#changes, desired, quotas),
    );
    if (creation.kind === "created") this.#listeners.tell();
    return creation;
  }

  async modify(id: string, change: IntegrationChange): Promise<Modification> {
    const modification = await this.#integrations.changing(() =>
      modifyIntegration(this.#changes, id, change),
    );
    if (modification.kind === "modified") this.#listeners.tell();
    return modification;
  }

  async delete(id: string): Promise<Deletion> {
    const deletion = await this.#integrations.changing(() => deleteIntegration(this.#changes, id));
    if (deletion.kind === "deleting") this.#listeners.tell();
    return deletion;
  }

  /**
   * By uuid or by name (case-insensitive). An identifier in the form of a uuid is taken as one, although a name may
   * have that form.
   */
  async find(identifier: string): Promise<Integration | undefined> {
    const isId = uuidForm.test(identifier);
    const key = isId ? identifier.toLowerCase() : nameKey(identifier);
    const all = await this.#integrations.get();
    const found = all.find(({ integration: { id, name } }) => (isId ? id : nameKey(name)) === key);
    return found?.integration;
  }

  async page(request: PageRequest): Promise<Page> {
    return pageOf(await this.#integrations.get(), request);
  }

  async addTags(id: string, tags: readonly Tag[]): Promise<Tagging> {
    return this.#integrations.changing(() => addTags(this.#database.db, id, tags));
  }

  /** False when the integration does not exist. */
  async removeTags(id: string, keys: readonly string[]): Promise<boolean> {
    return this.#integrations.changing(() => removeTags(this.#database.db, id, keys));
  }

  /** By ARN, for each of the ARNs, whether or not anything is known about it. */
  async sources(arns: readonly string[]): Promise<ReadonlyMap<string, SourceFacts>> {
    return readSources(this.#database.db, arns);
  }

  async addSourceTags(arn: string, tags: readonly Tag[]): Promise<"tagged" | "too-many"> {
    return addSourceTags(this.#database.db, arn, tags);
  }

  async removeSourceTags(arn: string, keys: readonly string[]): Promise<void> {
    await removeSourceTags(this.#database.db, arn, keys);
  }

  /** As the runtime last reported them. */
  async tables(integrationId: string): Promise<readonly TableStatus[]> {
    return readTables(this.#database.db, integrationId);
  }

  /** The events of the last 14 days, including those of integrations that no longer exist. */
  async events(request: EventPageRequest): Promise<EventPage> {
    const oldest = new Date(this.#now().getTime() - eventAgeMsMax);
    const from = request.from < oldest ? oldest : request.from;
    return readEvents(this.#database.db, { ...request, from });
  }

  /** The uuid of the last integration with this name, according to events: it may no longer exist. */
  async lastOfName(name: string): Promise<string | undefined> {
    return readLastOfName(this.#database.db, nameKey(name));
  }

  async pendingEvents(limit: number): Promise<readonly IntegrationEvent[]> {
    return readPending(this.#database.db, { limit, now: this.#now() });
  }

  async eventTaken(ordinal: number): Promise<void> {
    await writeTaken(this.#database.db, ordinal);
  }

  onEvent(listener: () => void): () => void {
    return this.#changes.onEvent(listener);
  }

  async wanted(): Promise<readonly WantedIntegration[]> {
    const all = await this.#integrations.get();
    return wantedOf(all, await this.resourcePolicies.all(), this.#now());
  }

  async report(integrationId: string, report: IntegrationReport): Promise<void> {
    await this.#integrations.changing(() => writeReport(this.#changes, integrationId, report));
  }

  async reportVersion(sourceArn: string, engineVersion: string): Promise<void> {
    await writeSourceVersion(this.#database.db, sourceArn, engineVersion);
  }

  /** See `keepDataKey` in reports. */
  async keepDataKey(integrationId: string, wrappedKey: string): Promise<string | undefined> {
    return this.#integrations.changing(() => keepDataKey(this.#database.db, integrationId, wrappedKey));
  }

  async reserveEpochs(count: number): Promise<number> {
    return reserveEpochs(this.#database.db, { count, now: this.#now() });
  }

  async forget(integrationId: string): Promise<void> {
    await this.#integrations.changing(() => forgetIntegration(this.#changes, integrationId));
  }

  onDesiredChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
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
