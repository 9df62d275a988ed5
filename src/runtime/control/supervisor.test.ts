import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { present } from "../../base/assert.ts";
import { CodedError } from "../../base/errors.ts";
import { setLogLevel } from "../../base/log.ts";
import { parseDataFilter } from "../../model/data-filter.ts";
import { KeyNotAccessible } from "../../kms/key-store.ts";
import { World, dataKey, streaming } from "../../../test/support/supervisor-world.ts";

setLogLevel("silent");

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

test("a changed filter restarts the stream, with the same destination database", async () => {
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

test("a filter that changes while the reconciler is at work is not told to be done, and no stream takes it for its own", async () => {
  world.start();
  world.create("a", "include: one.*.*");
  const before = await world.worker(0);
  before.become(streaming);
  await world.status("a", "active");
  let goOn = (): void => {};
  before.lastWork = new Promise((resolve) => (goOn = resolve));
  world.modify("a", { dataFilter: "include: one.public.*" });
  await until("the stream is being stopped", () => before.stopped);
  world.modify("a", { dataFilter: "include: one.private.*" });
  await world.taken();
  goOn();
  const newest = await world.worker(2);
  expect(newest.request.stream.scope).toEqual(parseDataFilter("include: one.private.*", "postgres"));
  newest.become(streaming);
  await world.status("a", "active");
});

test("what was seen under one filter is not reported under the next", async () => {
  world.start();
  world.create("a", "include: one.*.*, include: two.*.*");
  for (const index of [0, 1]) (await world.worker(index)).become(streaming);
  await world.status("a", "active");
  let goOn = (): void => {};
  world.sourceAnswers = new Promise((resolve) => (goOn = resolve));
  world.modify("a", { dataFilter: "include: one.*.*" });
  for (const index of [2, 3]) (await world.worker(index)).become(streaming);
  await until("two is being removed", () => world.removed.includes("two"));
  world.modify("a", { dataFilter: "include: one.*.*, include: two.public.*" });
  await world.taken();
  goOn();
  await world.worker(5);
  expect(world.catalog.statusOf("a")).toBe("modifying");
  for (const index of [4, 5]) (await world.worker(index)).become(streaming);
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
    /Nobody answers at the source\..*remove the source from the configuration/,
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
    { code: "CONFIGURATION", message: expect.stringContaining("no longer configured") as string },
  ]);
  world.delete("a");
  await until("it was forgotten", () => world.catalog.forgotten.includes("a"));
});

test("a source that is not let in any more is not read, which is told, until it is let in again", async () => {
  world.start();
  world.create("a", "include: one.*.*");
  const one = await world.worker(0);
  world.create("b", "include: two.*.*");
  const two = await world.worker(1);
  one.become(streaming);
  two.become(streaming);
  await world.status("a", "active");
  world.authorize("a", false);
  await world.status("a", "needs_attention");
  expect([one.stopped, two.stopped]).toEqual([true, false]);
  expect(world.removed).toEqual([]);
  const [error, ...more] = world.catalog.reports.at(-1)?.errors ?? [];
  expect(error).toMatchObject({ code: "SOURCE_NOT_AUTHORIZED" });
  expect(error?.message).toMatch(/target target does not authorize the source source:.*PutResourcePolicy/s);
  expect(more).toEqual([]);
  world.authorize("a", true);
  const again = await world.worker(2);
  expect(again.request.destinationDatabase).toBe(one.request.destinationDatabase);
  again.become(streaming);
  await world.status("a", "active");
  expect(world.catalog.reports.at(-1)?.errors).toEqual([]);
});

test("a source that is not let in is not read after a restart either, and its integration can be deleted", async () => {
  world.owners.set("one", { integrationId: "a", sourceDatabase: "one" });
  world.create("a", "include: one.*.*");
  world.authorize("a", false);
  world.start();
  await world.status("a", "needs_attention");
  expect(world.workers).toEqual([]);
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
    await until("the reconciler looked", () => looks > 0);
  }
  expect(world.catalog.reports.length).toBe(before);
});

test("the version of a source is reported when it is known, and again only when it changes", async () => {
  world.start();
  world.create("a", "include: one.*.*, include: two.*.*");
  const [one, two] = [await world.worker(0), await world.worker(1)];
  one.become(streaming);
  two.become({ ...streaming, engineVersion: "15.4" });
  await world.status("a", "active");
  for (const worker of [one, two]) worker.become({ ...streaming, engineVersion: "15.5" });
  await until("the new version is reported", () => world.catalog.versions.length > 1);
  one.become({ ...streaming, phase: { kind: "copying" }, engineVersion: "15.5" });
  await world.status("a", "syncing");
  expect(world.catalog.versions).toEqual([
    ["source", "15.4"],
    ["source", "15.5"],
  ]);
});

test("a catalog that is away for a while stops nothing", async () => {
  world.start();
  world.create("a", "include: one.*.*");
  const worker = await world.worker(0);
  worker.become(streaming);
  await world.status("a", "active");
  world.catalog.failing = true;
  world.catalog.desired(() => {});
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

test("a warehouse that cannot be asked is told, stops nothing, and is asked again", async () => {
  world.start();
  world.create("a", "include: one.*.*");
  const worker = await world.worker(0);
  worker.become(streaming);
  await world.status("a", "active");
  world.warehouseFailure = new CodedError("TARGET_FAILED", "The warehouse does not answer.");
  await world.status("a", "needs_attention");
  const errors = world.catalog.reports.at(-1)?.errors;
  expect(errors).toEqual([
    { code: "TARGET_FAILED", message: expect.stringMatching(/^The warehouse does not/) as string },
  ]);
  expect(worker.stopped).toBe(false);
  world.warehouseFailure = undefined;
  await world.status("a", "active");
});
