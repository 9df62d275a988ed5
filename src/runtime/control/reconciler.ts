import { present } from "../../base/assert.ts";
import { backoffMs, pause } from "../../base/backoff.ts";
import { Deadline } from "../../base/deadline.ts";
import { CodedError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { SecretBytes } from "../../base/secret.ts";
import { TaskGroup } from "../../base/task-group.ts";
import { Wake } from "../../base/wake.ts";
import type { IntegrationReport, RuntimeCatalog, WantedIntegration } from "../../catalog/catalog.ts";
import { parseDataFilter, type FilterDialect, type Scope } from "../../model/data-filter.ts";
import type {
  Integration,
  IntegrationError,
  IntegrationStatus,
  TableStatus,
} from "../../model/integration.ts";
import type { SourceEngine, StreamRequest } from "../../source/source.ts";
import type { StreamIdentity, Warehouse, WarehouseDatabase } from "../../target/target.ts";
import { KeyWatch, type KeyState, type KeyWatchTimes } from "./key-watch.ts";
import { removalError, toldError } from "./told-errors.ts";
import { isComplete, evaluateStatus, type StreamStatus } from "./integration-status.ts";
import type { DestinationNames } from "../stream/destination-names.ts";
import { StreamFiles } from "../stream/stream-mark.ts";
import { StreamRun, type StreamWorker } from "../stream/stream-run.ts";
import type { WorkerRequest } from "../stream/worker.ts";

/** A configured source and its engine. */
export interface SourceUnit {
  readonly engine: SourceEngine;
  /** Contains the secret. */
  readonly url: string;
  readonly dialect: FilterDialect;
}

/** Shared by all reconcilers. */
export interface ReconcilerContext {
  readonly catalog: RuntimeCatalog;
  /** By ARN. */
  readonly sources: ReadonlyMap<string, SourceUnit>;
  readonly warehouses: ReadonlyMap<string, Warehouse>;
  /** The data directory: it contains spools and marks of streams. */
  readonly filesRoot: string;
  readonly catalogPollMs: number;
  readonly startWorker: (request: WorkerRequest) => StreamWorker;
  /** Unwraps an integration's data key. Throws `KeyNotAccessible`. */
  readonly dataKey: (desired: WantedIntegration, signal: AbortSignal) => Promise<SecretBytes>;
  readonly keyTimes: KeyWatchTimes;
  /** By the ARN of the target. */
  readonly names: ReadonlyMap<string, DestinationNames>;
  readonly nextEpoch: WorkerRequest["nextEpoch"];
}

const log = logger("reconciler");

/**
 * The interval between passes: at least `shortest`, since workers report every commit; at most `longest`, in case of no
 * report.
 */
const lookMs = { shortest: 100, longest: 1000 } as const;
/** In these, a user waits for the next status; in the others, the workers' report of every commit can be ignored. */
const impatient: ReadonlySet<IntegrationStatus> = new Set(["creating", "modifying", "syncing"]);
const removalBackoff = { firstMs: 1000, mostMs: 30_000 } as const;
/** Row counts alone are written to the catalog this seldom: they change with every commit. */
const rowsWrittenEveryMs = 30_000;
/** A report names every table: with many tables, reports take at most one part in this many of the time. */
const reportShare = 20;
/** The same for passes, which include reports. */
const lookShare = 4;
const removalTimeoutMs = 60_000;

/**
 * Keeps one integration in its desired state. It is level-triggered: each pass compares the desired state with what
 * runs, does what is missing, and writes the actual state.
 *
 * ```
 * present: nothing runs while the data key is not accessible
 *          each database of the scope has a stream with the current filter; a database that left the scope has one
 *          until the target contains nothing of it, then it is removed at the source
 *          (for a source that the target's policy does not admit, none runs)
 * absent:  streams stopped ─▶ each removed at the source (retried until it succeeds) ─▶ forgotten
 * ```
 */
export class Reconciler implements AsyncDisposable {
  readonly #context: ReconcilerContext;
  readonly #tasks = new TaskGroup();
  /** By source database. */
  readonly #runs = new Map<string, StreamRun>();
  #desired: WantedIntegration;
  #keyWatch: KeyWatch | undefined;
  readonly #wake = new Wake();
  #removalFailures = 0;
  #removalNotBefore = 0;
  #written: Written | undefined;
  #reportedVersion: string | undefined;
  #isGone = false;

  private constructor(context: ReconcilerContext, desired: WantedIntegration) {
    this.#context = context;
    this.#desired = desired;
    this.#tasks.run((signal) => this.#keep(signal));
  }

  static start(context: ReconcilerContext, desired: WantedIntegration): Reconciler {
    return new Reconciler(context, desired);
  }

  /** The integration as last read from the catalog. */
  get integration(): Integration {
    return this.#desired.integration;
  }

  /** Whether the integration was removed and forgotten: then nothing is left to reconcile. */
  get isGone(): boolean {
    return this.#isGone;
  }

  desired(next: WantedIntegration): void {
    const { wanted, isAuthorized, integration } = this.#desired;
    const changed =
      next.wanted !== wanted ||
      next.isAuthorized !== isAuthorized ||
      next.integration.generation !== integration.generation;
    this.#desired = next;
    if (changed) this.#look();
  }

  /** What runs now, by source database. */
  streams(): ReadonlyMap<string, StreamRun> {
    return this.#runs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#look();
    await this.#tasks[Symbol.asyncDispose]();
    await this.#stopAll();
    await this.#keyWatch?.[Symbol.asyncDispose]();
  }

  #look(): void {
    this.#wake.tell();
  }

  async #keep(signal: AbortSignal): Promise<void> {
    while (!this.#isGone) {
      this.#wake.begin();
      const startMs = performance.now();
      try {
        // One desired state for the whole pass: what was seen under one filter must not be reported under another.
        const desired = this.#desired;
        await (desired.wanted === "present"
          ? this.#keepPresent(desired, signal)
          : this.#keepAbsent(desired, signal));
      } catch (error) {
        signal.throwIfAborted();
        log.error({ integration: this.integration.id, err: error }, "An integration could not be reconciled");
      }
      const tookMs = performance.now() - startMs;
      await pause(Math.max(lookMs.shortest, Math.min(tookMs * lookShare, lookMs.longest)), signal);
      await this.#wake.sleep(lookMs.longest, signal);
    }
  }

  async #keepPresent(desired: WantedIntegration, signal: AbortSignal): Promise<void> {
    const { integration } = desired;
    const found = this.#resources(desired);
    if (found.kind === "obstacle") {
      await this.#stopAll();
      await this.#write(integration, { status: "needs_attention", errors: [found.error], tables: [] });
      return;
    }
    const key = this.#key();
    if (key.kind === "unknown") return;
    if (key.kind === "refused") {
      await this.#stopAll();
      await this.#write(integration, { status: "needs_attention", errors: [key.error], tables: undefined });
      return;
    }
    const { source, warehouse, scope } = found;
    const stored = await this.#stored(warehouse, integration, signal);
    if (stored === undefined) return;
    const wanted = source.engine.streams(scope);
    const databases = [...new Set([...wanted, ...this.#owned(stored)])];
    for (const database of databases)
      await this.#ensure(
        { database, warehouse, source, scope },
        { integration, stored, key: key.key },
        signal,
      );
    const streamStatuses = await this.#streamStatuses(databases);
    await this.#reportVersion(integration.sourceArn, streamStatuses);
    for (const database of databases)
      if (!wanted.includes(database)) await this.#retire({ database, warehouse, source, scope }, signal);
    const evaluated = evaluateStatus({
      before: integration.status,
      ageMs: Date.now() - integration.createdAt.getTime(),
      nowMs: Date.now(),
      streams: streamStatuses.filter(({ health }) => this.#runs.has(health.sourceDatabase)),
    });
    if (evaluated !== undefined) await this.#write(integration, evaluated);
  }

  /** The warehouse's databases. Undefined if it cannot be asked: that is reported, and what runs goes on. */
  async #stored(
    warehouse: Warehouse,
    integration: Integration,
    signal: AbortSignal,
  ): Promise<readonly WarehouseDatabase[] | undefined> {
    try {
      return await warehouse.databases(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof CodedError)) throw error;
      const errors = [toldError(error)];
      await this.#write(integration, { status: "needs_attention", errors, tables: undefined });
      return undefined;
    }
  }

  async #streamStatuses(databases: readonly string[]): Promise<StreamStatus[]> {
    const runs = databases.flatMap((database) => this.#runs.get(database) ?? []);
    return Promise.all(runs.map((run) => run.status()));
  }

  /** All databases of a source are on one server. */
  async #reportVersion(sourceArn: string, streamStatuses: readonly StreamStatus[]): Promise<void> {
    const [version] = streamStatuses.flatMap(({ health }) => health.engineVersion ?? []);
    if (version === undefined || version === this.#reportedVersion) return;
    await this.#context.catalog.reportVersion(sourceArn, version);
    this.#reportedVersion = version;
  }

  #key(): KeyState {
    const { dataKey, keyTimes } = this.#context;
    this.#keyWatch ??= KeyWatch.start({
      ...keyTimes,
      integrationId: this.integration.id,
      unwrap: (signal) => dataKey(this.#desired, signal),
      onChange: () => this.#look(),
    });
    return this.#keyWatch.state;
  }

  /** Ensures a stream for the database, with the filter of the integration. */
  async #ensure(
    { database, warehouse, source, scope }: StreamParts,
    { integration, stored, key }: Wanted,
    signal: AbortSignal,
  ): Promise<void> {
    const names = this.#names(integration);
    const isOneOfSeveral = source.engine.streams(scope).length > 1;
    const naming = { integration, sourceDatabase: database, isOneOfSeveral };
    const running = this.#runs.get(database)?.request;
    const isAsWanted =
      running !== undefined &&
      running.filter === integration.dataFilter &&
      running.stream.url === source.url &&
      names.isStill(running.destinationDatabase, naming, stored);
    if (isAsWanted) return;
    await this.#stop(database);
    const destinationDatabase = await names.promise(naming, signal);
    const { catalogPollMs, startWorker, nextEpoch } = this.#context;
    const run = await StreamRun.start({
      stream: this.#stream(database, source, scope),
      filter: integration.dataFilter,
      source: source.engine,
      warehouse,
      destinationDatabase,
      sourceArn: integration.sourceArn,
      files: this.#files(database),
      dataKey: key,
      catalogPollMs,
      nextEpoch,
      startWorker,
      onChange: () => {
        if (impatient.has(this.integration.status)) this.#look();
      },
    }).catch((error: unknown) => {
      names.giveBack(destinationDatabase);
      throw error;
    });
    this.#runs.set(database, run);
  }

  /** Ends the stream of a database that left the scope, once the target contains nothing of it. */
  async #retire(parts: StreamParts, signal: AbortSignal): Promise<void> {
    const run = this.#runs.get(parts.database);
    if (run === undefined) return;
    const status = await run.status();
    const { health } = status;
    const isEmpty = isComplete(status) && health.tables.every(({ state }) => state === "Deleted");
    // A dropped database took its slot with it; what was replicated stays readable.
    const isLost = health.phase.kind === "retrying" && health.phase.error.code === "SOURCE_DATABASE_MISSING";
    if (!isEmpty && !isLost) return;
    await this.#stop(parts.database);
    await this.#remove(parts, signal);
    log.info({ integration: this.integration.id, database: parts.database }, "A database left the scope");
  }

  async #keepAbsent({ integration }: WantedIntegration, signal: AbortSignal): Promise<void> {
    if (performance.now() < this.#removalNotBefore) return;
    await this.#stopAll();
    await this.#keyWatch?.[Symbol.asyncDispose]();
    try {
      await this.#removeEverything(integration, signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#removalFailures += 1;
      this.#removalNotBefore = performance.now() + backoffMs(this.#removalFailures, removalBackoff);
      log.warn({ integration: this.integration.id, err: error }, "An integration could not be removed yet");
      await this.#write(integration, { status: "deleting", errors: [removalError(error)], tables: [] });
      return;
    }
    await this.#context.catalog.forget(this.integration.id);
    this.#isGone = true;
    log.info({ integration: this.integration.id }, "An integration was removed");
  }

  async #removeEverything(integration: Integration, signal: AbortSignal): Promise<void> {
    const source = this.#context.sources.get(integration.sourceArn);
    const warehouse = this.#context.warehouses.get(integration.targetArn);
    const owned = this.#owned((await warehouse?.databases(signal)) ?? []);
    if (source === undefined) {
      // Removing a source from the configuration abandons what is left there.
      log.warn(
        { integration: integration.id },
        "Slot and publication stay at a source that is not configured",
      );
      for (const database of owned) {
        await warehouse?.release(this.#identity(database), signal);
        await this.#files(database).remove();
      }
      return;
    }
    const scope = scopeOf(integration, source.dialect);
    const named = scope === undefined ? [] : source.engine.streams(scope);
    for (const database of new Set([...named, ...owned]))
      await this.#remove({ database, warehouse, source, scope: scope ?? { clauses: [] } }, signal);
  }

  async #remove({ database, warehouse, source, scope }: RemovalParts, signal: AbortSignal): Promise<void> {
    using limited = new Deadline(removalTimeoutMs, signal);
    const stream = this.#stream(database, source, scope);
    const files = this.#files(database);
    if (await files.isMarked()) await source.engine.remove(stream, limited.signal);
    await warehouse?.release(this.#identity(database), signal);
    await files.remove();
  }

  async #stopAll(): Promise<void> {
    await Promise.all([...this.#runs.keys()].map((database) => this.#stop(database)));
  }

  async #stop(database: string): Promise<void> {
    const run = this.#runs.get(database);
    if (run === undefined) return;
    this.#runs.delete(database);
    await run[Symbol.asyncDispose]();
    this.#names(this.integration).giveBack(run.request.destinationDatabase);
  }

  #names({ targetArn }: Integration): DestinationNames {
    return present(this.#context.names.get(targetArn), "streams run into warehouses that are open");
  }

  async #write(integration: Integration, report: Omit<IntegrationReport, "generation">): Promise<void> {
    const { status, errors } = report;
    const { id, generation } = integration;
    const text = JSON.stringify({ status, errors, generation });
    const isSame = this.#written?.text === text && integration.status === status;
    if (isSame && !this.#isTableNews(report.tables)) return;
    const startMs = performance.now();
    await this.#context.catalog.report(id, { generation, ...report });
    const atMs = performance.now();
    this.#written = { text, tables: report.tables, atMs, tookMs: atMs - startMs };
    if (this.#desired.integration === integration)
      this.#desired = { ...this.#desired, integration: { ...integration, status, errors } };
    if (status !== integration.status)
      log.info({ integration: id, status }, "The status of an integration changed");
  }

  /** Whether it is time to write the tables although nothing else has changed. */
  #isTableNews(tables: IntegrationReport["tables"]): boolean {
    const before = this.#written;
    if (before === undefined) return true;
    if (before.tables === tables) return false;
    const sinceMs = performance.now() - before.atMs;
    if (sinceMs < before.tookMs * reportShare) return false;
    const isRowsTurn = sinceMs >= rowsWrittenEveryMs;
    const [known, found] = [before.tables, tables].map((some) =>
      JSON.stringify(isRowsTurn ? some : some?.map(withoutRows)),
    );
    return known !== found;
  }

  /** The source databases of which the integration has a destination database. */
  #owned(stored: readonly WarehouseDatabase[]): string[] {
    const streams = stored.flatMap((database) => (database.kind === "owned" ? [database.stream] : []));
    const own = streams.filter(({ integrationId }) => integrationId === this.integration.id);
    return own.map(({ sourceDatabase }) => sourceDatabase);
  }

  #identity(sourceDatabase: string): StreamIdentity {
    return { integrationId: this.integration.id, sourceDatabase };
  }

  #files(sourceDatabase: string): StreamFiles {
    return new StreamFiles(this.#context.filesRoot, this.#identity(sourceDatabase));
  }

  #stream(database: string, source: SourceUnit, scope: Scope): StreamRequest {
    return { url: source.url, database, integrationId: this.integration.id, scope };
  }

  #resources({ integration, isAuthorized }: WantedIntegration): Resources {
    const { sourceArn, targetArn } = integration;
    if (!isAuthorized)
      return obstacle(
        "SOURCE_NOT_AUTHORIZED",
        `The policy of the target ${targetArn} does not authorize the source ${sourceArn}: nothing is written until it does.`,
      );
    const source = this.#context.sources.get(sourceArn);
    const warehouse = this.#context.warehouses.get(targetArn);
    if (source === undefined) return obstacle("CONFIGURATION", notConfigured("source", sourceArn));
    if (warehouse === undefined) return obstacle("CONFIGURATION", notConfigured("target", targetArn));
    const scope = scopeOf(integration, source.dialect);
    if (scope === undefined) return obstacle("INVALID_DATA_FILTER", "The data filter is not valid.");
    return { kind: "found", source, warehouse, scope };
  }
}

/** The last report. */
interface Written {
  /** The report without the tables. */
  readonly text: string;
  readonly tables: IntegrationReport["tables"];
  readonly atMs: number;
  readonly tookMs: number;
}

type StableStatus = Omit<TableStatus, "rows" | "isEstimate">;

function withoutRows({ rows: _rows, isEstimate: _isEstimate, ...table }: TableStatus): StableStatus {
  return table;
}

type Resources =
  | {
      readonly kind: "found";
      readonly source: SourceUnit;
      readonly warehouse: Warehouse;
      readonly scope: Scope;
    }
  | { readonly kind: "obstacle"; readonly error: IntegrationError };

/** What a stream is started for. */
interface Wanted {
  readonly integration: Integration;
  /** The databases of its warehouse. */
  readonly stored: readonly WarehouseDatabase[];
  readonly key: SecretBytes;
}

interface RemovalParts {
  readonly database: string;
  readonly warehouse: Warehouse | undefined;
  readonly source: SourceUnit;
  readonly scope: Scope;
}

interface StreamParts extends RemovalParts {
  readonly warehouse: Warehouse;
}

function scopeOf({ dataFilter }: Integration, dialect: FilterDialect): Scope | undefined {
  try {
    return parseDataFilter(dataFilter, dialect);
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

function notConfigured(kind: "source" | "target", arn: string): string {
  return `The ${kind} ${arn} is no longer configured: configure it again, or delete the integration.`;
}

function obstacle(
  code: "CONFIGURATION" | "INVALID_DATA_FILTER" | "SOURCE_NOT_AUTHORIZED",
  message: string,
): Resources {
  return { kind: "obstacle", error: toldError(new CodedError(code, message)) };
}
