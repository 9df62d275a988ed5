import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../test/support/until.ts";
import { present } from "../base/assert.ts";
import { CodedError } from "../base/errors.ts";
import { setLogLevel } from "../base/log.ts";
import { SecretBytes } from "../base/secret.ts";
import type { IntegrationReport, RuntimeCatalog, WantedIntegration } from "../catalog/catalog.ts";
import { KeyNotAccessible } from "../kms/key-store.ts";
import { databasesOf } from "../model/data-filter.ts";
import type { Finding } from "../model/finding.ts";
import type { Integration } from "../model/integration.ts";
import type { Source, SourceEngine } from "../source/source.ts";
import type { StreamIdentity, Warehouse } from "../target/target.ts";
import { Supervisor } from "./supervisor.ts";
import type { StreamWorker } from "./stream-run.ts";
import type { WorkerHealth, WorkerRequest } from "./worker.ts";

setLogLevel("silent");

// Fakes, because these tests are about what goes wrong and in which order things stop.
class FakeCatalog implements RuntimeCatalog {
  wishes: WantedIntegration[] = [];
  reports: (IntegrationReport & { id: string })[] = [];
  forgotten: string[] = [];
  failing = false;
  #listeners = new Set<() => void>();

  wanted = (): Promise<readonly WantedIntegration[]> =>
    this.failing ? Promise.reject(new Error("the catalog is away")) : Promise.resolve([...this.wishes]);

  report = (id: string, report: IntegrationReport): Promise<void> => {
    this.reports.push({ id, ...report });
    this.change(id, (integration) => ({ ...integration, status: report.status, errors: report.errors }));
    return Promise.resolve();
  };

  forget = (id: string): Promise<void> => {
    this.forgotten.push(id);
    this.wishes = this.wishes.filter(({ integration }) => integration.id !== id);
    return Promise.resolve();
  };

  onWish = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  wish(change: () => void): void {
    change();
    for (const listener of this.#listeners) listener();
  }

  change(id: string, next: (integration: Integration) => Integration, wanted?: "absent"): void {
    this.wishes = this.wishes.map((wish) =>
      wish.integration.id === id
        ? { ...wish, integration: next(wish.integration), wanted: wanted ?? wish.wanted }
        : wish,
    );
  }

  statusOf(id: string): string | undefined {
    return this.wishes.find(({ integration }) => integration.id === id)?.integration.status;
  }
}

class FakeWorker implements StreamWorker {
  readonly request: WorkerRequest;
  readonly opening: Promise<void>;
  stopped = false;
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
    const progress = { checkpoint: undefined, tables: [] };
    const request = { ...stream, progress, spoolDirectory, dataKey, catalogPollMs, notice: () => {} };
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
      newestCommits: { readMs: undefined, appliedMs: undefined },
      retainedBytes: undefined,
      counters: { changes: 0, transactions: 0, copiedRows: 0, bytesRead: 0, batches: 0 },
      tables: [],
      notices: [],
      ...this.state,
    });

  verify = () => Promise.resolve([]);

  onChange = (listener: () => void): (() => void) => {
    this.#listener = listener;
    return () => {};
  };

  [Symbol.asyncDispose](): Promise<void> {
    this.stopped = true;
    return Promise.resolve();
  }
}

const dataKey = new SecretBytes(new Uint8Array(32));

const unreachable: Finding = {
  severity: "blocks",
  code: "SOURCE_UNREACHABLE",
  subject: "server",
  message: "Nobody answers at the source.",
  fix: "Start it.",
};

class World implements AsyncDisposable {
  readonly catalog = new FakeCatalog();
  readonly workers: FakeWorker[] = [];
  readonly removed: string[] = [];
  readonly owners = new Map<string, StreamIdentity | undefined>();
  readonly opened: string[] = [];
  sourceIsThere = true;
  /** What is thrown instead of the data key. */
  keyFailure: Error | undefined;
  filesRoot = "";
  #supervisor: Supervisor | undefined;

  start(sources = ["source"]): Supervisor {
    const engine: Partial<SourceEngine> = {
      databases: databasesOf,
      check: () => Promise.resolve(this.sourceIsThere ? [] : [unreachable]),
      open: ({ database }) => {
        this.opened.push(database);
        return Promise.resolve({} as Source);
      },
      remove: ({ database }) => {
        if (!this.sourceIsThere)
          return Promise.reject(new CodedError("SOURCE_UNREACHABLE", "Nobody answers at the source."));
        this.removed.push(database);
        return Promise.resolve();
      },
    };
    const warehouse: Partial<Warehouse> = {
      databases: () => ["dev", ...this.owners.keys()],
      streams: () => [...this.owners.values()].filter((owner) => owner !== undefined),
      databaseOf: (stream) =>
        [...this.owners].find(([, owner]) => JSON.stringify(owner) === JSON.stringify(stream))?.[0],
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
    this.catalog.wish(() =>
      this.catalog.wishes.push({ integration, wanted: "present", wrappedKey: "wrapped" }),
    );
  }

  modify(id: string, change: Partial<Integration>): void {
    this.catalog.wish(() =>
      this.catalog.change(id, (before) => ({
        ...before,
        ...change,
        status: "modifying",
        generation: before.generation + 1,
      })),
    );
  }

  delete(id: string): void {
    this.catalog.wish(() =>
      this.catalog.change(
        id,
        (before) => ({ ...before, status: "deleting", generation: before.generation + 1 }),
        "absent",
      ),
    );
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

const streaming = { phase: { kind: "streaming" }, copiesWaiting: 0 } as const;
let world: World;

beforeEach(async () => {
  world = new World();
  world.filesRoot = await mkdtemp(join(tmpdir(), "zeroetl-spool-"));
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

test("each source database of an integration has a stream, and the integration is active when all are there", async () => {
  world.start();
  world.create("a", "include: one.*.*, include: two.*.*");
  const one = await world.worker(0);
  const two = await world.worker(1);
  expect([one, two].map(({ request }) => request.destinationDatabase)).toEqual(["one", "two"]);
  one.become(streaming);
  two.become({ phase: { kind: "copying" }, copiesWaiting: 0 });
  await until("a report was due", async () => (await two.health()).phase.kind === "copying");
  expect(world.catalog.statusOf("a")).toBe("creating");
  two.become(streaming);
  await world.status("a", "active");
});

test("two integrations of one source database get different destination databases", async () => {
  world.start();
  world.create("a", "include: one.*.*");
  await world.worker(0);
  world.create("b", "include: one.*.*");
  expect((await world.worker(1)).request.destinationDatabase).toBe("int-b_one");
});

test("a changed filter starts the stream anew with it, in the same destination database", async () => {
  world.start();
  world.create("a", "include: one.*.*");
  const before = await world.worker(0);
  before.become(streaming);
  await world.status("a", "active");
  world.modify("a", { dataFilter: "include: one.public.*" });
  const after = await world.worker(1);
  expect(before.stopped).toBe(true);
  expect(after.request.destinationDatabase).toBe("one");
  after.become(streaming);
  await world.status("a", "active");
  expect(world.catalog.reports.at(-1)?.generation).toBe(2);
});

test("a changed name leaves the stream alone", async () => {
  world.start();
  world.create("a", "include: one.*.*");
  (await world.worker(0)).become(streaming);
  await world.status("a", "active");
  world.modify("a", { name: "other" });
  await world.status("a", "active");
  expect(world.workers).toHaveLength(1);
});

test("a database that leaves the scope keeps its stream until the target holds nothing of it", async () => {
  world.start();
  world.create("a", "include: one.*.*, include: two.*.*");
  for (const index of [0, 1]) (await world.worker(index)).become(streaming);
  await world.status("a", "active");
  world.modify("a", { dataFilter: "include: one.*.*" });
  (await world.worker(2)).become(streaming);
  const leaving = await world.worker(3);
  expect(leaving.request.stream.database).toBe("two");
  expect(world.removed).toEqual([]);
  leaving.become(streaming);
  await until("the stream was removed", () => world.removed.includes("two"));
  expect(leaving.stopped).toBe(true);
  expect([...world.owners]).toEqual([
    ["one", { integrationId: "a", sourceDatabase: "one" }],
    ["two", undefined],
  ]);
  await world.status("a", "active");
});

test("a deleted integration is stopped, removed at the source, released at the target and forgotten", async () => {
  world.start();
  world.create("a", "include: one.*.*, include: two.*.*");
  await world.worker(1);
  world.delete("a");
  await until("it was forgotten", () => world.catalog.forgotten.includes("a"));
  expect(world.workers.every(({ stopped }) => stopped)).toBe(true);
  expect(world.removed).toEqual(["one", "two"]);
  expect([...world.owners.values()]).toEqual([undefined, undefined]);
  expect(await readdir(world.filesRoot, { recursive: true })).toEqual(["spool", "streams"]);
});

test("a source that cannot be reached keeps a deleted integration, with the reason, until it answers", async () => {
  world.start();
  world.create("a", "include: one.*.*");
  await world.worker(0);
  world.sourceIsThere = false;
  world.delete("a");
  const report = await until("the failure was told", () =>
    world.catalog.reports.find(({ status }) => status === "deleting"),
  );
  expect(report.errors[0]).toMatchObject({ code: "SOURCE_UNREACHABLE" });
  expect(report.errors[0]?.message).toMatch(
    /Nobody answers at the source\..*take the source out of the configuration/,
  );
  world.sourceIsThere = true;
  await until("it was forgotten", () => world.catalog.forgotten.includes("a"));
});

test("an integration whose source was never reached tells so, and is deleted without it", async () => {
  world.start();
  world.sourceIsThere = false;
  world.create("a", "include: one.*.*");
  const report = await until("it was told", () =>
    world.catalog.reports.find(({ errors }) => errors.length > 0),
  );
  expect(report).toMatchObject({
    status: "creating",
    errors: [{ code: "SOURCE_UNREACHABLE", message: "Nobody answers at the source. Start it." }],
  });
  world.delete("a");
  await until("it was forgotten", () => world.catalog.forgotten.includes("a"));
  expect(world.opened).toEqual([]);
  expect([...world.owners.values()]).toEqual([undefined]);
});

test("a source that left the configuration is told, and deleting its integration works", async () => {
  world.start([]);
  world.create("a", "include: one.*.*");
  await world.status("a", "needs_attention");
  expect(world.catalog.reports.at(-1)?.errors).toEqual([
    { code: "CONFIGURATION", message: expect.stringContaining("not configured any more") as string },
  ]);
  world.delete("a");
  await until("it was forgotten", () => world.catalog.forgotten.includes("a"));
});

test("after a restart, a database that left the scope meanwhile is found by what the warehouse owns", async () => {
  world.owners.set("two", { integrationId: "a", sourceDatabase: "two" });
  world.start();
  world.create("a", "include: one.*.*");
  const databases = await until("both run", () => world.workers.length === 2 && world.workers);
  expect(databases.map(({ request }) => request.stream.database)).toEqual(["one", "two"]);
});

test("the catalog is written only when something changed", async () => {
  world.start();
  world.create("a", "include: one.*.*");
  const worker = await world.worker(0);
  worker.become(streaming);
  await world.status("a", "active");
  const before = world.catalog.reports.length;
  for (let round = 0; round < 5; round += 1) {
    const looked = worker.health;
    let looks = 0;
    worker.health = () => {
      looks += 1;
      return looked();
    };
    worker.become(streaming);
    await until("the keeper looked", () => looks > 0);
  }
  expect(world.catalog.reports.length).toBe(before);
});

test("a catalog that is away for a while stops nothing", async () => {
  world.start();
  world.create("a", "include: one.*.*");
  const worker = await world.worker(0);
  worker.become(streaming);
  await world.status("a", "active");
  world.catalog.failing = true;
  world.catalog.wish(() => {});
  await until("time passed", () => present(world.workers[0], "a worker runs").stopped === false);
  world.catalog.failing = false;
  world.create("b", "include: three.*.*");
  await world.worker(1);
  expect(worker.stopped).toBe(false);
});

test("stopping stops every worker and removes nothing at the source", async () => {
  const supervisor = world.start();
  world.create("a", "include: one.*.*");
  world.create("b", "include: two.*.*");
  await world.worker(1);
  await supervisor[Symbol.asyncDispose]();
  expect(world.workers.map(({ stopped }) => stopped)).toEqual([true, true]);
  expect(world.removed).toEqual([]);
});

test("a stream is given the integration's data key, and none runs before there is one", async () => {
  world.keyFailure = new KeyNotAccessible("It is disabled.");
  world.start();
  world.create("a", "include: one.*.*");
  await world.status("a", "needs_attention");
  expect(world.workers).toHaveLength(0);
  expect(world.catalog.reports.at(-1)?.errors).toEqual([
    {
      code: "KMS_KEY_NOT_ACCESSIBLE",
      message: expect.stringMatching(/^It is disabled\. Enable or restore the key/),
    },
  ]);
  world.keyFailure = undefined;
  const worker = await world.worker(0);
  expect(worker.request.dataKey).toBe(dataKey);
  worker.become(streaming);
  await world.status("a", "active");
  expect(world.catalog.reports.at(-1)?.errors).toEqual([]);
});

test("a key that is refused stops the stream and leaves what is known of tables; it goes on when the key is back", async () => {
  world.start();
  world.create("a", "include: one.*.*");
  const before = await world.worker(0);
  before.become(streaming);
  await world.status("a", "active");
  world.keyFailure = new KeyNotAccessible("It is disabled.");
  await world.status("a", "needs_attention");
  expect(before.stopped).toBe(true);
  expect(world.catalog.reports.at(-1)).toMatchObject({ tables: undefined });
  world.keyFailure = undefined;
  (await world.worker(1)).become(streaming);
  await world.status("a", "active");
});

test("an integration whose key is gone can be deleted", async () => {
  world.keyFailure = new KeyNotAccessible("It does not exist.");
  world.start();
  world.create("a", "include: one.*.*");
  await world.status("a", "needs_attention");
  world.delete("a");
  await until("it is forgotten", () => world.catalog.forgotten.includes("a"));
});
