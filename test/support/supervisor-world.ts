import { rm } from "node:fs/promises";
import { until } from "./until.ts";
import { CodedError } from "../../src/base/errors.ts";
import { SecretBytes } from "../../src/base/secret.ts";
import type { IntegrationReport, RuntimeCatalog, WantedIntegration } from "../../src/catalog/catalog.ts";
import { databasesOf, inScope } from "../../src/model/data-filter.ts";
import type { Finding } from "../../src/model/finding.ts";
import type { Integration } from "../../src/model/integration.ts";
import type { Source, SourceEngine } from "../../src/source/source.ts";
import type { StreamIdentity, Warehouse } from "../../src/target/target.ts";
import { Supervisor } from "../../src/runtime/control/supervisor.ts";
import type { StreamWorker } from "../../src/runtime/stream/stream-run.ts";
import type { WorkerHealth, WorkerRequest } from "../../src/runtime/stream/worker.ts";

// Fakes, because these tests are about what goes wrong and in which order things stop.
class FakeCatalog implements RuntimeCatalog {
  desiredStates: WantedIntegration[] = [];
  reports: (IntegrationReport & { id: string })[] = [];
  versions: [sourceArn: string, engineVersion: string][] = [];
  forgotten: string[] = [];
  failing = false;
  #listeners = new Set<() => void>();

  wanted = (): Promise<readonly WantedIntegration[]> =>
    this.failing
      ? Promise.reject(new Error("the catalog is away"))
      : Promise.resolve([...this.desiredStates]);

  /** As the real one, this drops what describes an older generation. */
  report = (id: string, report: IntegrationReport): Promise<void> => {
    const before = this.desiredStates.find(({ integration }) => integration.id === id);
    if (before?.integration.generation !== report.generation) return Promise.resolve();
    this.reports.push({ id, ...report });
    this.change(id, (integration) => ({ ...integration, status: report.status, errors: report.errors }));
    return Promise.resolve();
  };

  reportVersion = (sourceArn: string, engineVersion: string): Promise<void> => {
    this.versions.push([sourceArn, engineVersion]);
    return Promise.resolve();
  };

  reserveEpochs = (): Promise<number> =>
    this.failing ? Promise.reject(new Error("the catalog is away")) : Promise.resolve(1);

  forget = (id: string): Promise<void> => {
    this.forgotten.push(id);
    this.desiredStates = this.desiredStates.filter(({ integration }) => integration.id !== id);
    return Promise.resolve();
  };

  onDesiredChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  desired(change: () => void): void {
    change();
    for (const listener of this.#listeners) listener();
  }

  change(id: string, next: (integration: Integration) => Integration, wanted?: "absent"): void {
    this.desiredStates = this.desiredStates.map((desired) =>
      desired.integration.id === id
        ? { ...desired, integration: next(desired.integration), wanted: wanted ?? desired.wanted }
        : desired,
    );
  }

  statusOf(id: string): string | undefined {
    return this.desiredStates.find(({ integration }) => integration.id === id)?.integration.status;
  }
}

class FakeWorker implements StreamWorker {
  readonly request: WorkerRequest;
  readonly opening: Promise<void>;
  stopped = false;
  /** What stopping waits for. */
  lastWork: Promise<void> = Promise.resolve();
  state: Pick<WorkerHealth, "phase" | "copiesWaiting"> & Partial<WorkerHealth> = {
    phase: { kind: "connecting" },
    copiesWaiting: undefined,
  };
  #listener: () => void = () => {};

  constructor(request: WorkerRequest) {
    this.request = request;
    this.opening = this.#open();
  }

  /** As the real one does it; a failure shows as its phase. */
  async #open(): Promise<void> {
    const { stream, spoolDirectory, dataKey, catalogPollMs } = this.request;
    const progress = { checkpoint: undefined, copies: undefined, tables: [] };
    const request = {
      ...stream,
      progress,
      spoolDirectory,
      dataKey,
      catalogPollMs,
      onVersion: () => {},
      notice: () => {},
      onWait: () => {},
    };
    try {
      await this.request.source.open(request, new AbortController().signal);
    } catch (error) {
      const { code, message } = error as CodedError;
      const phase = { kind: "retrying", error: { code, message }, nextAttemptAt: new Date() } as const;
      this.become({ phase: { ...phase, needsPerson: false }, copiesWaiting: undefined });
    }
  }

  become(state: FakeWorker["state"]): void {
    this.state = state;
    this.#listener();
  }

  health = (): Promise<WorkerHealth> =>
    Promise.resolve({
      sourceDatabase: this.request.stream.database,
      destinationDatabase: this.request.destinationDatabase,
      lagSeconds: undefined,
      stall: undefined,
      newestCommits: { readMs: undefined, appliedMs: undefined },
      engineVersion: undefined,
      retainedBytes: undefined,
      copies: [],
      counters: { changes: 0, transactions: 0, copiedRows: 0, bytesRead: 0, batches: 0 },
      tables: [],
      notices: [],
      obstacle: undefined,
      ...this.state,
    });

  verify = () => Promise.resolve([]);

  onChange = (listener: () => void): (() => void) => {
    this.#listener = listener;
    return () => {};
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopped = true;
    await this.lastWork;
  }
}

export const dataKey = new SecretBytes(new Uint8Array(32));

export const unreachable: Finding = {
  severity: "blocks",
  code: "SOURCE_UNREACHABLE",
  subject: "server",
  message: "Nobody answers at the source.",
  fix: "Start it.",
};

export class World implements AsyncDisposable {
  readonly catalog = new FakeCatalog();
  readonly workers: FakeWorker[] = [];
  readonly removed: string[] = [];
  readonly owners = new Map<string, StreamIdentity | undefined>();
  readonly opened: string[] = [];
  sourceIsThere = true;
  /** What removing at the source waits for. */
  sourceAnswers: Promise<void> = Promise.resolve();
  /** What listing the warehouse's databases throws. */
  warehouseFailure: CodedError | undefined;
  /** What is thrown instead of the data key. */
  keyFailure: Error | undefined;
  filesRoot = "";
  #supervisor: Supervisor | undefined;

  start(sources = ["source"]): Supervisor {
    const engine: Partial<SourceEngine> = {
      streams: databasesOf,
      selects: inScope,
      check: () => Promise.resolve(this.sourceIsThere ? [] : [unreachable]),
      open: ({ database }) => {
        this.opened.push(database);
        return Promise.resolve({} as Source);
      },
      remove: async ({ database }) => {
        if (!this.sourceIsThere) throw new CodedError("SOURCE_UNREACHABLE", "Nobody answers at the source.");
        this.removed.push(database);
        await this.sourceAnswers;
      },
    };
    const warehouse: Partial<Warehouse> = {
      isReserved: () => false,
      databases: async () => {
        if (this.warehouseFailure !== undefined) throw this.warehouseFailure;
        return [...this.owners].map(([name, stream]) =>
          stream === undefined ? { name, kind: "other" } : { name, kind: "owned", stream },
        );
      },
      release: (stream) => {
        for (const [name, owner] of this.owners)
          if (JSON.stringify(owner) === JSON.stringify(stream)) this.owners.set(name, undefined);
        return Promise.resolve();
      },
    };
    this.#supervisor = Supervisor.start({
      catalog: this.catalog,
      sources: new Map(
        sources.map((arn) => [
          arn,
          { engine: engine as SourceEngine, url: "postgres://h/d", dialect: "postgres" },
        ]),
      ),
      warehouses: new Map([["target", warehouse as Warehouse]]),
      filesRoot: this.filesRoot,
      catalogPollMs: 1000,
      dataKey: () =>
        this.keyFailure === undefined ? Promise.resolve(dataKey) : Promise.reject(this.keyFailure),
      keyTimes: { everyMs: 20, patienceMs: 60_000 },
      startWorker: (request) => {
        const { integrationId, database } = request.stream;
        this.owners.set(request.destinationDatabase, { integrationId, sourceDatabase: database });
        const worker = new FakeWorker(request);
        this.workers.push(worker);
        return worker;
      },
    });
    return this.#supervisor;
  }

  create(id: string, dataFilter: string): void {
    const integration: Integration = {
      id,
      name: `int-${id}`,
      sourceArn: "source",
      targetArn: "target",
      dataFilter,
      description: undefined,
      kmsKeyId: "",
      additionalEncryptionContext: {},
      tags: [],
      createdAt: new Date(),
      status: "creating",
      errors: [],
      generation: 1,
    };
    this.catalog.desired(() =>
      this.catalog.desiredStates.push({
        integration,
        wanted: "present",
        isAuthorized: true,
        wrappedKey: "wrapped",
      }),
    );
  }

  modify(id: string, change: Partial<Integration>): void {
    this.catalog.desired(() =>
      this.catalog.change(id, (before) => ({
        ...before,
        ...change,
        status: "modifying",
        generation: before.generation + 1,
      })),
    );
  }

  authorize(id: string, isAuthorized: boolean): void {
    this.catalog.desired(() => {
      this.catalog.desiredStates = this.catalog.desiredStates.map((desired) =>
        desired.integration.id === id ? { ...desired, isAuthorized } : desired,
      );
    });
  }

  delete(id: string): void {
    this.catalog.desired(() =>
      this.catalog.change(
        id,
        (before) => ({ ...before, status: "deleting", generation: before.generation + 1 }),
        "absent",
      ),
    );
  }

  /** When the reconcilers know the newest desired state of all. */
  async taken(): Promise<void> {
    await until("the newest desired states are known", async () => {
      const known = (await this.#supervisor?.integrations())?.map(
        ({ integration }) => integration.generation,
      );
      const wanted = this.catalog.desiredStates.map(({ integration }) => integration.generation);
      return JSON.stringify(known) === JSON.stringify(wanted);
    });
  }

  async worker(index: number): Promise<FakeWorker> {
    const worker = await until(`worker ${index} started`, () => this.workers[index]);
    await worker.opening;
    return worker;
  }

  async status(id: string, wanted: string): Promise<void> {
    await until(`${id} is ${wanted}`, () => this.catalog.statusOf(id) === wanted);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#supervisor?.[Symbol.asyncDispose]();
    await rm(this.filesRoot, { recursive: true, force: true });
  }
}

export const streaming = { phase: { kind: "streaming" }, copiesWaiting: 0 } as const;
