import { randomUUID } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  ampleQuotas as quotas,
  catalogHomes,
  table,
  desired,
  type CatalogHome,
} from "../../test/support/catalog-homes.ts";
import { Catalog } from "./catalog.ts";
import { openDatabase } from "./store/database.ts";
import { setLogLevel } from "../base/log.ts";
import type { NewIntegration } from "./integrations/desired-state.ts";

setLogLevel("silent");

describe.each(Object.entries(catalogHomes))("a catalog %s", (_, makeHome) => {
  let home: CatalogHome;
  let catalog: Catalog;
  /** By how much the catalog's clock is ahead. */
  let clockMs = 0;

  beforeAll(async () => {
    home = await makeHome();
    catalog = await Catalog.open(home.location, { now: () => new Date(Date.now() + clockMs) });
  });

  afterAll(async () => {
    await catalog[Symbol.asyncDispose]();
    await home.close();
  });

  async function made(over: Partial<NewIntegration> = {}): Promise<string> {
    const creation = await catalog.create(desired(over), quotas);
    if (creation.kind !== "created") throw new Error(creation.kind);
    return creation.integration.id;
  }

  async function active(over: Partial<NewIntegration> = {}): Promise<string> {
    const id = await made(over);
    await catalog.report(id, { generation: 1, status: "active", errors: [], tables: [] });
    return id;
  }

  test("gives back what was created, to the millisecond and character", async () => {
    const wanted = desired({
      description: "grüße 🐘 \\ ' \"",
      additionalEncryptionContext: { __proto__x: "1", a: "b" },
      tags: [
        { key: "b", value: "2" },
        { key: "B", value: "" },
      ],
    });
    const creation = await catalog.create(wanted, quotas);
    const { wrappedKey: _key, ...visible } = wanted;
    const expected = {
      ...visible,
      tags: [
        { key: "B", value: "" },
        { key: "b", value: "2" },
      ],
      status: "creating",
      errors: [],
      generation: 1,
    };
    expect(creation).toEqual({ kind: "created", integration: expected });
    expect(await catalog.find(wanted.id)).toEqual(expected);
    expect(await catalog.find(wanted.name.toUpperCase())).toEqual(expected);
    expect(await catalog.find("nobody")).toBeUndefined();
  });

  test("reserved epochs grow whatever the clock says, and are not less than the time", async () => {
    const first = await catalog.reserveEpochs(10);
    expect(first).toBeGreaterThanOrEqual(Date.now() - 60_000);
    clockMs = -86_400_000;
    expect(await catalog.reserveEpochs(1_000)).toBe(first + 10);
    clockMs = 3_600_000;
    const before = Date.now();
    expect(await catalog.reserveEpochs(10)).toBeGreaterThanOrEqual(before + clockMs);
    clockMs = 0;
    const several = await Promise.all(Array.from({ length: 5 }, () => catalog.reserveEpochs(10)));
    expect(new Set(several.map((epoch) => epoch - Math.min(...several)))).toEqual(
      new Set([0, 10, 20, 30, 40]),
    );
  });

  test("never takes an integration that is called like a uuid for the one of that uuid", async () => {
    const gone = "abcdefab-cdef-4def-8def-abcdefabcdef";
    const id = await made({ name: gone });
    expect(await catalog.find(gone)).toBeUndefined();
    expect(await catalog.find(id)).toMatchObject({ name: gone });
  });

  test("keeps access keys: each once, enabled or not, until it is removed", async () => {
    const keys = catalog.accessKeys;
    const at = new Date("2026-01-31T12:00:00.123Z");
    const first = { id: "AKIAFIRST", user: "ann", sealedSecret: "abc=", createdAt: at, isEnabled: true };
    const one = { ...first, policy: '{"Statement": "\\u0000"}' };
    const two = { ...first, id: "AKIASECOND", policy: undefined, createdAt: new Date(at.getTime() + 1) };
    await keys.add(two);
    await keys.add(one);
    await expect(keys.add(one)).rejects.toThrow();
    expect(await keys.list()).toEqual([one, two]);
    expect(await keys.setEnabled(one.id, false)).toBe(true);
    expect(await keys.find(one.id)).toEqual({ ...one, isEnabled: false });
    expect(await keys.find("akiafirst")).toBeUndefined();
    expect(await keys.remove(one.id)).toBe(true);
    expect([await keys.remove(one.id), await keys.setEnabled(one.id, true)]).toEqual([false, false]);
    expect(await keys.list()).toEqual([two]);
  });

  test("grants one of many identical creations at once", async () => {
    const same = desired();
    const attempts = Array.from({ length: 20 }, () => catalog.create({ ...same, id: randomUUID() }, quotas));
    const kinds = (await Promise.all(attempts)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "created")).toHaveLength(1);
    expect(kinds.filter((kind) => kind === "name-taken")).toHaveLength(19);
  });

  test("refuses a second integration of the same source and target", async () => {
    const first = desired();
    const id = await made(first);
    const second = await catalog.create(
      desired({ sourceArn: first.sourceArn, targetArn: first.targetArn }),
      quotas,
    );
    expect(second).toMatchObject({ kind: "pair-taken", integration: { id } });
  });

  test.each([
    ["perSource", { sourceArn: "crowded source" }],
    ["perTarget", { targetArn: "crowded target" }],
  ] as const)("never grants more than the quota %s, however many ask at once", async (quota, over) => {
    const attempts = Array.from({ length: 10 }, () =>
      catalog.create(desired(over), { ...quotas, [quota]: 3 }),
    );
    const creations = await Promise.all(attempts);
    expect(creations.filter(({ kind }) => kind === "created")).toHaveLength(3);
    expect(creations.filter(({ kind }) => kind !== "created")).toEqual(
      Array.from({ length: 7 }, () => ({ kind: "quota-exceeded", quota })),
    );
  });

  test("counts all integrations of the account", async () => {
    expect(await catalog.create(desired(), { ...quotas, perAccount: 1 })).toEqual({
      kind: "quota-exceeded",
      quota: "perAccount",
    });
  });

  test("pages through integrations without duplicate or gap while others come and go", async () => {
    const sourceArn = `paged ${randomUUID()}`;
    const stay: string[] = [];
    const go: string[] = [];
    for (let index = 0; index < 40; index += 1)
      (index % 3 === 0 ? go : stay).push(await active({ sourceArn }));
    const seen: string[] = [];
    let after: number | undefined;
    do {
      const page = await catalog.page({ after, limit: 7, filter: { sourceArns: [sourceArn] } });
      seen.push(...page.integrations.map(({ id }) => id));
      after = page.next;
      const victim = go.pop();
      if (victim !== undefined) {
        await catalog.delete(victim);
        await catalog.forget(victim);
        await made({ sourceArn });
      }
    } while (after !== undefined);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((id) => stay.includes(id))).toEqual(stay);
  });

  test("filters pages by everything that is given", async () => {
    const sourceArn = `filtered ${randomUUID()}`;
    const creating = await made({ sourceArn });
    const other = await active({ sourceArn });
    const ids = async (filter: object): Promise<string[]> => {
      const page = await catalog.page({ after: undefined, limit: 100, filter });
      return page.integrations.map(({ id }) => id);
    };
    expect(await ids({ sourceArns: [sourceArn] })).toEqual([creating, other]);
    expect(await ids({ sourceArns: [sourceArn], statuses: ["active", "failed"] })).toEqual([other]);
    expect(await ids({ ids: [creating, other], statuses: ["creating"] })).toEqual([creating]);
    expect(await ids({ ids: [] })).toEqual([]);
  });

  test("a rename keeps status and generation; names stay unique without regard to case", async () => {
    const first = desired();
    const id = await active(first);
    const taken = desired();
    await made(taken);
    expect(await catalog.modify(id, { name: taken.name.toUpperCase() })).toEqual({ kind: "name-taken" });
    expect(await catalog.modify(id, { name: first.name.toUpperCase(), description: "" })).toMatchObject({
      kind: "modified",
      integration: { name: first.name.toUpperCase(), description: "", status: "active", generation: 1 },
    });
  });

  test("a new data filter starts a generation; the same one changes nothing", async () => {
    const id = await active();
    expect(await catalog.modify(id, { dataFilter: "include: shop.*.*" })).toMatchObject({
      integration: { status: "active", generation: 1 },
    });
    expect(await catalog.modify(id, { dataFilter: "include: shop.a.*" })).toMatchObject({
      integration: { status: "modifying", generation: 2, dataFilter: "include: shop.a.*" },
    });
  });

  test("a late report on an older generation overwrites nothing", async () => {
    const id = await active();
    await catalog.modify(id, { dataFilter: "include: shop.a.*" });
    const late = { status: "active", errors: [{ code: "X", message: "x" }], tables: [table("t")] } as const;
    await catalog.report(id, { generation: 1, ...late });
    expect(await catalog.find(id)).toMatchObject({ status: "modifying", errors: [] });
    expect(await catalog.tables(id)).toEqual([]);
    await catalog.report(id, { generation: 2, ...late });
    expect(await catalog.find(id)).toMatchObject({ status: "active", errors: late.errors });
    await catalog.delete(id);
    await catalog.report(id, { generation: 2, ...late });
    expect(await catalog.find(id)).toMatchObject({ status: "deleting", errors: [] });
    await catalog.report(id, { generation: 3, ...late });
    expect(await catalog.find(id)).toMatchObject({ status: "deleting", errors: late.errors });
  });

  test("keeps the tables of the last report, with odd names and hostile messages", async () => {
    const id = await active();
    const odd = [
      table("a.b\"c'\u0001", { reason: { code: "GRÜSSE", message: "grüße\n🐘" } }),
      table("z", {
        rows: 9_007_199_254_740_991,
        state: "Failed",
        reason: { code: "TABLE_WITHOUT_KEY", message: "No key." },
      }),
    ];
    await catalog.report(id, {
      generation: 1,
      status: "active",
      errors: [],
      tables: [table("gone"), ...odd],
    });
    await catalog.report(id, { generation: 1, status: "active", errors: [], tables: odd });
    expect(await catalog.tables(id)).toEqual(odd);
    const errors = [{ code: "A", message: "a\0b\ud800c" }];
    await catalog.report(id, { generation: 1, status: "needs_attention", errors, tables: [] });
    expect(await catalog.find(id)).toMatchObject({ errors: [{ code: "A", message: "a\ufffdb\ufffdc" }] });
    expect(await catalog.tables(id)).toEqual([]);
  });

  test.each(["creating", "modifying", "deleting"] as const)(
    "%s refuses to be modified or deleted",
    async (status) => {
      const id = status === "creating" ? await made() : await active();
      if (status === "modifying") await catalog.modify(id, { dataFilter: "include: shop.a.*" });
      if (status === "deleting") await catalog.delete(id);
      expect(await catalog.modify(id, { description: "x" })).toMatchObject({ kind: "wrong-state" });
      expect(await catalog.delete(id)).toMatchObject({ kind: "wrong-state", integration: { status } });
    },
  );

  test("an integration that waits for a person while it is created can be modified and given up", async () => {
    const id = await made();
    const errors = [{ code: "SOURCE_DATABASE_MISSING", message: "no such database" }];
    await catalog.report(id, { generation: 1, status: "creating", errors, tables: [] });
    expect(await catalog.modify(id, { dataFilter: "include: other.*.*" })).toMatchObject({
      kind: "modified",
    });
    await catalog.report(id, { generation: 2, status: "modifying", errors, tables: [] });
    expect(await catalog.delete(id)).toMatchObject({ kind: "deleting" });
  });

  test("a failed integration can only be deleted", async () => {
    const id = await made();
    await catalog.report(id, { generation: 1, status: "failed", errors: [], tables: [] });
    expect(await catalog.modify(id, { description: "x" })).toMatchObject({ kind: "wrong-state" });
    expect(await catalog.delete(id)).toMatchObject({ kind: "deleting", integration: { generation: 2 } });
  });

  test("forgets only what was deleted, with its tags and tables", async () => {
    const over = desired({ tags: [{ key: "k", value: "v" }] });
    const id = await active(over);
    await catalog.report(id, { generation: 1, status: "active", errors: [], tables: [table("t")] });
    await catalog.forget(id);
    expect(await catalog.find(id)).toBeDefined();
    await catalog.delete(id);
    await catalog.forget(id);
    await catalog.forget(id);
    expect(await catalog.find(id)).toBeUndefined();
    expect(await catalog.tables(id)).toEqual([]);
    await catalog.report(id, { generation: 2, status: "active", errors: [], tables: [table("t")] });
    expect(await catalog.find(id)).toBeUndefined();
    expect(await catalog.create({ ...over, id: randomUUID() }, quotas)).toMatchObject({ kind: "created" });
  });

  test("tags are added, overwritten and removed; too many are refused as a whole", async () => {
    const id = await made();
    await catalog.addTags(id, [
      { key: "a", value: "1" },
      { key: "A", value: "2" },
    ]);
    await catalog.addTags(id, [{ key: "a", value: "3" }]);
    expect((await catalog.find(id))?.tags).toEqual([
      { key: "A", value: "2" },
      { key: "a", value: "3" },
    ]);
    const many = Array.from({ length: 49 }, (_value, index) => ({ key: `k${index}`, value: "" }));
    expect(await catalog.addTags(id, many)).toEqual({ kind: "too-many" });
    expect((await catalog.find(id))?.tags).toHaveLength(2);
    expect(await catalog.addTags(id, many.slice(1))).toEqual({ kind: "tagged" });
    expect(await catalog.removeTags(id, ["a", "nothing", ...many.map(({ key }) => key)])).toBe(true);
    expect((await catalog.find(id))?.tags).toEqual([{ key: "A", value: "2" }]);
    expect(await catalog.removeTags(randomUUID(), ["a"])).toBe(false);
    expect(await catalog.addTags(randomUUID(), [])).toEqual({ kind: "unknown" });
  });

  test("sources have tags, the version reported last and what their integrations complain of", async () => {
    const [sourceArn, other] = [`source-${randomUUID()}`, `source-${randomUUID()}`];
    expect(await catalog.sources([sourceArn])).toEqual(
      new Map([[sourceArn, { tags: [], engineVersion: undefined, errorCodes: [] }]]),
    );
    expect(await catalog.sources([])).toEqual(new Map());
    const many = Array.from({ length: 50 }, (_value, index) => ({ key: `k${index}`, value: "" }));
    expect(await catalog.addSourceTags(sourceArn, [{ key: "k0", value: "1" }])).toBe("tagged");
    expect(await catalog.addSourceTags(sourceArn, [...many, { key: "a", value: "" }])).toBe("too-many");
    expect(await catalog.addSourceTags(sourceArn, [])).toBe("tagged");
    expect(await catalog.addSourceTags(other, many)).toBe("tagged");
    await catalog.removeSourceTags(
      other,
      many.slice(1).map(({ key }) => key),
    );
    const error = { code: "SOURCE_UNREACHABLE", message: "down" };
    for (const targetArn of ["first", "second"]) {
      const id = await made({ sourceArn: other, targetArn });
      const report = { generation: 1, status: "needs_attention", tables: [] } as const;
      await catalog.report(id, { ...report, errors: [error, { ...error, code: "WAL_LEVEL" }] });
    }
    await catalog.reportVersion(sourceArn, "15.4");
    await catalog.reportVersion(sourceArn, "15.5");
    expect(await catalog.sources([other, sourceArn])).toEqual(
      new Map([
        [
          other,
          {
            tags: [{ key: "k0", value: "" }],
            engineVersion: undefined,
            errorCodes: ["SOURCE_UNREACHABLE", "WAL_LEVEL"],
          },
        ],
        [sourceArn, { tags: [{ key: "k0", value: "1" }], engineVersion: "15.5", errorCodes: [] }],
      ]),
    );
  });

  test("of concurrent tags of a source no more are granted than there may be", async () => {
    const arn = `source-${randomUUID()}`;
    const tags = (from: string) =>
      Array.from({ length: 30 }, (_, index) => ({ key: from + index, value: "" }));
    const granted = await Promise.all(["a", "b", "c"].map((from) => catalog.addSourceTags(arn, tags(from))));
    expect(granted.toSorted()).toEqual(["tagged", "too-many", "too-many"]);
    expect((await catalog.sources([arn])).get(arn)?.tags).toHaveLength(30);
  });

  test("one from before sources had tags and versions, targets policies and integrations data keys is brought up to date with what it holds", async () => {
    const old = await makeHome();
    const made = await Catalog.open(old.location);
    const created = await made.create(
      desired({ name: "survivor", tags: [{ key: "k", value: "v" }] }),
      quotas,
    );
    expect(created.kind).toBe("created");
    await made[Symbol.asyncDispose]();
    const { db, close } = await openDatabase(old.location);
    await sql`ALTER TABLE zeroetl.table_states ALTER COLUMN reason TYPE text`.execute(db);
    await sql`DROP TABLE zeroetl.source_tags, zeroetl.source_versions, zeroetl.resource_policies`.execute(db);
    await sql`ALTER TABLE zeroetl.integrations DROP COLUMN wrapped_key`.execute(db);
    await sql`DELETE FROM zeroetl.kysely_migration WHERE name >= '0004'`.execute(db);
    await close();
    const opened = await Catalog.open(old.location);
    expect((await opened.find("survivor"))?.tags).toEqual([{ key: "k", value: "v" }]);
    expect(await opened.addSourceTags("source", [{ key: "k", value: "v" }])).toBe("tagged");
    await opened.reportVersion("source", "15.4");
    expect(await opened.resourcePolicies.remove("target")).toBe("unknown");
    const [wanted] = await opened.wanted();
    expect(wanted?.wrappedKey).toBeUndefined();
    const id = wanted?.integration.id ?? "";
    const kept = await Promise.all(["one", "two"].map((key) => opened.keepDataKey(id, key)));
    expect(new Set(kept).size).toBe(1);
    expect((await opened.wanted())[0]?.wrappedKey).toBe(kept[0]);
    expect(await opened.keepDataKey(randomUUID(), "key")).toBeUndefined();
    await opened[Symbol.asyncDispose]();
    await old.close();
  });

  test("a data key is kept as it was given, and a report without tables leaves them as they were", async () => {
    const id = await made({ wrappedKey: "a wrapped key" });
    const wrappedKey = async () =>
      (await catalog.wanted()).find(({ integration }) => integration.id === id)?.wrappedKey;
    expect(await wrappedKey()).toBe("a wrapped key");
    expect(await catalog.keepDataKey(id, "another")).toBe("a wrapped key");
    const tables = [table("orders")];
    await catalog.report(id, { generation: 1, status: "active", errors: [], tables });
    const errors = [{ code: "KMS_KEY_NOT_ACCESSIBLE", message: "It is disabled." }];
    await catalog.report(id, { generation: 1, status: "needs_attention", errors, tables: undefined });
    expect(await catalog.tables(id)).toEqual(tables);
    const { events } = await catalog.events({
      integrationId: id,
      from: new Date(0),
      to: new Date("2100-01-01"),
      after: undefined,
      limit: 100,
    });
    expect(events).toContainEqual(
      expect.objectContaining({
        id: "REDSHIFT-INTEGRATION-EVENT-0008",
        severity: "Error",
        statusCode: "KMS_KEY_NOT_ACCESSIBLE",
        message: "The KMS key of the integration cannot be used: It is disabled.",
      }),
    );
  });

  test("notifies of each change that a request makes, and of nothing else", async () => {
    let told = 0;
    const stop = catalog.onDesiredChange(() => {
      told += 1;
    });
    const id = await active();
    await catalog.modify(id, { dataFilter: "include: x.*.*" });
    await catalog.delete(randomUUID());
    expect(told).toBe(2);
    stop();
    await made();
    expect(told).toBe(2);
  });

  test("what is wanted comes in the order of creation", async () => {
    const [first, second] = [await active(), await active()];
    await catalog.delete(first);
    const ours = (await catalog.wanted()).filter(({ integration }) =>
      [first, second].includes(integration.id),
    );
    expect(ours.map(({ integration, wanted }) => [integration.id, wanted])).toEqual([
      [first, "absent"],
      [second, "present"],
    ]);
  });

  test("reads nothing while nothing changes, and everything again after each change", async () => {
    const id = await active();
    const [{ integration } = { integration: undefined }] = (await catalog.wanted()).slice(-1);
    expect(integration).toMatchObject({ id, status: "active" });
    const queries = [vi.spyOn(PGlite.prototype, "query"), vi.spyOn(pg.Client.prototype, "query")];
    try {
      for (let time = 0; time < 3; time += 1) {
        expect((await catalog.wanted()).at(-1)?.integration).toEqual(integration);
        expect(await catalog.find(id)).toEqual(integration);
        expect(
          (await catalog.page({ after: undefined, limit: 1, filter: { ids: [id] } })).integrations,
        ).toEqual([integration]);
        expect(await catalog.resourcePolicies.find("nobody's")).toBeUndefined();
      }
      for (const query of queries) expect(query).not.toHaveBeenCalled();
    } finally {
      for (const query of queries) query.mockRestore();
    }
    const seen = async () => (await catalog.wanted()).find(({ integration: each }) => each.id === id);
    await catalog.addTags(id, [{ key: "k", value: "v" }]);
    expect((await seen())?.integration.tags).toEqual([{ key: "k", value: "v" }]);
    await catalog.removeTags(id, ["k"]);
    expect((await seen())?.integration.tags).toEqual([]);
    await catalog.modify(id, { description: "new" });
    expect((await seen())?.integration.description).toBe("new");
    await catalog.report(id, { generation: 1, status: "syncing", errors: [], tables: undefined });
    expect((await seen())?.integration.status).toBe("syncing");
    await catalog.delete(id);
    expect((await seen())?.wanted).toBe("absent");
    await catalog.forget(id);
    expect(await seen()).toBeUndefined();
  });

  test("everything is there after it was closed and opened again", async () => {
    const before = await catalog.wanted();
    const { markerKey } = catalog;
    await catalog[Symbol.asyncDispose]();
    catalog = await Catalog.open(home.location);
    expect(await catalog.wanted()).toEqual(before);
    expect(catalog.markerKey).toEqual(markerKey);
  });
});
