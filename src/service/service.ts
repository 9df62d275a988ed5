import { integrationArn } from "../api/protocol/arn.ts";
import { AccessKeys } from "../api/access/access-keys.ts";
import { createApi } from "../api/create-api.ts";
import { present } from "../base/assert.ts";
import { DirectoryLock } from "../base/directory-lock.ts";
import { collectWhenIdle } from "../base/idle-collection.ts";
import { logger } from "../base/log.ts";
import { Metrics } from "../base/metrics.ts";
import { Sealer } from "../base/sealer.ts";
import { Catalog } from "../catalog/catalog.ts";
import { ServiceLock } from "../catalog/store/service-lock.ts";
import type { Configuration, Credential } from "../config/config.ts";
import type { ConfiguredTarget } from "../config/target-settings.ts";
import {
  ensureCredentials,
  ensureSealingKey,
  makeDataDirectory,
  placesIn,
  removeServiceRecord,
  writeServiceRecord,
} from "./data-directory.ts";
import { ConfiguredSources, type SourceChanges } from "./configured-sources.ts";
import { HttpServer } from "./http-server.ts";
import { keyStoreOf } from "./configured-key-store.ts";
import { IntegrationKeys } from "../kms/integration-keys.ts";
import { KeyNotAccessible } from "../kms/key-store.ts";
import { supportedVersions } from "../model/engine-kinds.ts";
import { configurableEngines } from "./engines.ts";
import type { AccessKey } from "../model/policy/access-key.ts";
import { EventWebhook, type WebhookRequest } from "../runtime/events/event-webhook.ts";
import type { ReconcilerContext } from "../runtime/control/reconciler.ts";
import { keyPatienceMs } from "../runtime/control/key-watch.ts";
import { Operator } from "../runtime/operator/operator.ts";
import { QueryTurns } from "../runtime/operator/query-turns.ts";
import { supervisorMetrics, supervisorSamples } from "../runtime/control/stream-metrics.ts";
import { Supervisor } from "../runtime/control/supervisor.ts";
import { Worker } from "../runtime/stream/worker.ts";
import { targetEngines } from "../target/engines.ts";
import type { TargetEngine, Warehouse, WarehouseRequest } from "../target/target.ts";

const log = logger("service");

/** How often sources' catalogs are polled for new, changed and dropped tables. */
const catalogPollMs = 1000;

type Close = () => PromiseLike<void> | void;

/**
 * The whole service: config → lock → catalog → webhook → warehouses → supervisor → api → listen. Disposing of it stops
 * the parts in reverse order, so that each part still has what it needs while it stops.
 */
export class Service implements AsyncDisposable {
  /** Such as `http://127.0.0.1:5440`. */
  readonly api: string;
  readonly credentials: readonly Credential[];
  readonly operator: Operator;
  /** Rejects when the service must stop. Never resolves. */
  readonly failed: Promise<never>;
  readonly #configured: ConfiguredSources;
  readonly #closers: readonly Close[];

  private constructor(
    parts: Pick<Service, "api" | "credentials" | "operator" | "failed"> & {
      readonly configured: ConfiguredSources;
    },
    closers: readonly Close[],
  ) {
    this.api = parts.api;
    this.failed = parts.failed;
    this.credentials = parts.credentials;
    this.operator = parts.operator;
    this.#configured = parts.configured;
    this.#closers = closers;
  }

  /** When it returns, the service listens and works towards the desired state. Throws `CodedError`. */
  static async start(configuration: Configuration, signal: AbortSignal): Promise<Service> {
    const collection = collectWhenIdle();
    const closers: Close[] = [() => collection[Symbol.dispose]()];
    try {
      const parts = await build(configuration, closers, signal);
      return new Service(parts, closers);
    } catch (error) {
      await closeAll(closers);
      throw error;
    }
  }

  /**
   * Applies changes to sources: new ones, ones with another url, and removed ones. Throws `CodedError` if anything else
   * was changed, and then changes nothing.
   */
  reload(configuration: Configuration): SourceChanges {
    return this.#configured.replace(configuration);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeAll(this.#closers);
  }
}

async function closeAll(closers: readonly Close[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers.toReversed()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, "The service did not stop in order");
}

async function build(configuration: Configuration, closers: Close[], signal: AbortSignal) {
  const { dataDirectory, targets, region } = configuration;
  for (const warning of configuration.warnings) log.warn({ warning }, "Configuration warning");
  const configured = new ConfiguredSources(configuration);
  await makeDataDirectory(dataDirectory);
  const lock = await DirectoryLock.take(dataDirectory);
  closers.push(() => lock[Symbol.asyncDispose]());
  const credentials =
    configuration.credentials.length > 0 ? configuration.credentials : await ensureCredentials(dataDirectory);
  const sealingKey = await ensureSealingKey(dataDirectory);
  const catalogLock = await lockCatalog(configuration, closers, signal);
  const deliversEvents = configuration.webhook !== undefined;
  const catalog = await Catalog.open(catalogLocation(configuration), { deliversEvents });
  closers.push(() => catalog[Symbol.asyncDispose]());
  const arnOf = (id: string): string => integrationArn(configuration, id);
  const store = await keyStoreOf(configuration);
  const dataKeys = new IntegrationKeys({ home: configuration, sealingKey, store, arnOf });
  startWebhook(configuration, { outbox: catalog, arnOf }, closers);
  const warehouses = await openWarehouses(configuration, closers, signal);
  const supervisor = Supervisor.start({
    catalog,
    sources: configured.units,
    warehouses: new Map(warehouses.map(({ arn, warehouse }) => [arn, warehouse])),
    filesRoot: dataDirectory,
    catalogPollMs,
    startWorker: (request) => Worker.start(request),
    dataKey: dataKeySource(dataKeys, catalog),
    keyTimes: { everyMs: configuration.keyCheckMs, patienceMs: keyPatienceMs },
  });
  closers.push(() => supervisor[Symbol.asyncDispose]());
  const operator = new Operator({
    supervisor,
    catalog,
    sources: () => configured.resources,
    targets: warehouses,
    arnOf,
    queries: new QueryTurns(configuration.queries),
  });
  const metrics = metricsOf(supervisor, closers);
  const app = createApi({
    account: configuration.account,
    region,
    get sources() {
      return configured.resources;
    },
    targets: targets.map(({ resource }) => resource),
    engineVersions: supportedVersions(configurableEngines.sources),
    quotas: configuration.quotas,
    keys: new AccessKeys({
      configured: credentials.map(keyOfCredential),
      stored: catalog.accessKeys,
      sealer: new Sealer(sealingKey),
      now: () => new Date(),
    }),
    dataKeys,
    catalog,
    now: () => new Date(),
    operator,
    health: () => ({ ok: true }),
    metrics: () => metrics.text(),
  });
  const server = await HttpServer.listen(app.fetch, configuration.listenApi);
  closers.push(() => server[Symbol.asyncDispose]());
  const api = server.url;
  await writeServiceRecord(dataDirectory, { api, pid: process.pid, region });
  closers.push(() => removeServiceRecord(dataDirectory));
  log.info({ api, dataDirectory }, "The service listens");
  const failed = catalogLock?.lost ?? new Promise<never>(() => {});
  return { api, credentials, operator, configured, failed };
}

function metricsOf(supervisor: Supervisor, closers: Close[]): Metrics {
  const metrics = new Metrics();
  closers.push(() => metrics[Symbol.dispose]());
  metrics.add(supervisorMetrics, async () => supervisorSamples(await supervisor.integrations()));
  return metrics;
}

/** Unwraps data keys. An integration that predates data keys gets one when it first needs it. */
function dataKeySource(keys: IntegrationKeys, catalog: Catalog): ReconcilerContext["dataKey"] {
  return async ({ integration, wrappedKey }, signal) => {
    const wrapped =
      wrappedKey ?? (await catalog.keepDataKey(integration.id, await keys.newDataKey(integration)));
    if (wrapped === undefined) throw new KeyNotAccessible("The integration no longer exists.");
    return keys.unwrap(integration, wrapped, signal);
  };
}

/** A key of the configuration is its own user. */
function keyOfCredential({ accessKeyId, secretAccessKey, policy }: Credential): AccessKey {
  return { id: accessKeyId, user: accessKeyId, secret: secretAccessKey, policy };
}

/** It is stopped after the supervisor, whose last reports may be events, and before the catalog. */
function startWebhook(
  { webhook, account, region }: Configuration,
  parts: Pick<WebhookRequest, "outbox" | "arnOf">,
  closers: Close[],
): void {
  if (webhook === undefined) return;
  const running = EventWebhook.start({ url: webhook, account, region, ...parts });
  closers.push(() => running[Symbol.asyncDispose]());
}

/** Only one service works on a catalog. A catalog in the data directory has its lock there. */
async function lockCatalog(
  { catalogUrl }: Configuration,
  closers: Close[],
  signal: AbortSignal,
): Promise<ServiceLock | undefined> {
  if (catalogUrl === undefined) return undefined;
  const lock = await ServiceLock.take(catalogUrl.reveal(), signal);
  closers.push(() => lock[Symbol.asyncDispose]());
  return lock;
}

function catalogLocation({ catalogUrl, dataDirectory }: Configuration) {
  return catalogUrl === undefined
    ? ({ kind: "directory", directory: placesIn(dataDirectory).catalog } as const)
    : ({ kind: "server", url: catalogUrl.reveal() } as const);
}

export function targetEngineOf(name: string): TargetEngine {
  return present(targetEngines[name], "the configuration allows only engines that exist");
}

export function warehouseRequest(
  { dataDirectory }: Configuration,
  { resource, settings }: ConfiguredTarget,
): WarehouseRequest {
  return { directory: placesIn(dataDirectory).warehouse(resource.name), settings: settings.reveal() };
}

async function openWarehouses(configuration: Configuration, closers: Close[], signal: AbortSignal) {
  const opened: (Configuration["targets"][number]["resource"] & { readonly warehouse: Warehouse })[] = [];
  for (const target of configuration.targets) {
    const { resource, engine } = target;
    const warehouse = await targetEngineOf(engine).open(warehouseRequest(configuration, target), signal);
    closers.push(() => warehouse[Symbol.asyncDispose]());
    opened.push({ ...resource, warehouse });
  }
  return opened;
}
