import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  ampleQuotas,
  catalogHomes,
  table,
  desired,
  type CatalogHome,
} from "../../../test/support/catalog-homes.ts";
import { setLogLevel } from "../../base/log.ts";
import { eventAgeMsMax, eventCatalogue, type IntegrationEvent } from "../../model/event.ts";
import { Catalog, type IntegrationReport } from "../catalog.ts";
import { eventsOfOneMax } from "../integrations/changes.ts";

const unsupported = (message: string) => ({ code: "TABLE_UNSUPPORTED", message });

setLogLevel("silent");

const begin = Date.parse("2026-01-31T12:00:00Z");

describe.each(Object.entries(catalogHomes))("events of a catalog %s", (_, makeHome) => {
  let home: CatalogHome;
  let catalog: Catalog;
  let nowMs = begin;

  beforeAll(async () => {
    home = await makeHome();
    catalog = await Catalog.open(home.location, { now: () => new Date(nowMs), deliversEvents: true });
  });

  afterAll(async () => {
    await catalog[Symbol.asyncDispose]();
    await home.close();
  });

  beforeEach(() => {
    nowMs = begin;
  });

  async function made(name?: string): Promise<string> {
    const creation = await catalog.create(desired(name === undefined ? {} : { name }), ampleQuotas);
    if (creation.kind !== "created") throw new Error(creation.kind);
    return creation.integration.id;
  }

  async function report(id: string, over: Partial<IntegrationReport>): Promise<void> {
    await catalog.report(id, { generation: 1, status: "active", errors: [], tables: [], ...over });
  }

  async function eventsOf(integrationId: string): Promise<readonly IntegrationEvent[]> {
    const range = { from: new Date(0), to: new Date(nowMs) };
    return (await catalog.events({ after: undefined, limit: 1_000, integrationId, ...range })).events;
  }

  /** The last part of the number, with the status that it left. */
  async function told(id: string, after = 0): Promise<string[]> {
    const events = (await eventsOf(id)).slice(after);
    return events.map((event) => `${event.id.replace("-INTEGRATION-EVENT", "")} ${event.status}`);
  }

  test("a life is told in order, and stays readable when the integration is gone", async () => {
    const id = await made();
    await report(id, {});
    await report(id, {});
    await catalog.modify(id, { name: "another-name" });
    await catalog.modify(id, { description: "new" });
    await catalog.modify(id, { description: "new" });
    await catalog.modify(id, { dataFilter: "include: shop.public.*" });
    await report(id, { status: "active" });
    await report(id, { generation: 2, status: "syncing" });
    await report(id, { generation: 2, status: "active" });
    await catalog.delete(id);
    await catalog.forget(id);
    expect(await catalog.find(id)).toBeUndefined();
    expect(await told(id)).toEqual([
      "ZEROETL-0001 creating",
      "REDSHIFT-0000 active",
      "REDSHIFT-0017 active",
      "REDSHIFT-0017 active",
      "REDSHIFT-0016 modifying",
      "REDSHIFT-0017 syncing",
      "REDSHIFT-0003 syncing",
      "REDSHIFT-0013 active",
      "REDSHIFT-0002 deleting",
      "REDSHIFT-0001 deleted",
    ]);
    expect(await catalog.lastOfName("ANOTHER-name")).toBe(id);
  });

  test("an event says what an alert needs", async () => {
    const before = desired();
    await catalog.create(before, ampleQuotas);
    const errors = [{ code: "WAL_LEVEL", message: "wal_level is replica." }];
    await report(before.id, { status: "needs_attention", errors });
    const [, event] = await eventsOf(before.id);
    expect(event).toEqual({
      ordinal: expect.any(Number),
      uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      id: "REDSHIFT-INTEGRATION-EVENT-1000",
      severity: "Error",
      category: "configuration",
      integrationId: before.id,
      integrationName: before.name,
      sourceArn: before.sourceArn,
      targetArn: before.targetArn,
      status: "needs_attention",
      statusCode: "WAL_LEVEL",
      message: "A parameter of the source has the wrong value: wal_level is replica.",
      at: new Date(nowMs),
    });
    expect(await told(before.id, 2)).toEqual(["ZEROETL-0002 needs_attention"]);
  });

  test("an error is told once while it lasts, and again when it comes again", async () => {
    const id = await made();
    await report(id, {});
    const away = [{ code: "SOURCE_UNREACHABLE", message: "It does not answer." }];
    await report(id, { errors: away });
    await report(id, { errors: [{ code: "SOURCE_UNREACHABLE", message: "Still not." }] });
    await report(id, {});
    await report(id, { errors: away });
    expect(await told(id, 2)).toEqual(["ZEROETL-0003 active", "REDSHIFT-0013 active", "ZEROETL-0003 active"]);
  });

  test("a table that fails is told with its reason, and once; so are its recovery and its end", async () => {
    const id = await made();
    const reason = { code: "TABLE_WITHOUT_KEY", message: "It has no primary key. Add one." };
    const failed = table("orders", { state: "Failed", reason });
    const errors = [
      { code: "TABLE_WITHOUT_KEY", message: "Table public.orders: It has no primary key. Add one." },
    ];
    await report(id, { status: "needs_attention", errors, tables: [table("ok"), failed] });
    await report(id, { status: "needs_attention", errors, tables: [table("ok", { rows: 5 }), failed] });
    const copying = [table("ok"), table("orders", { state: "ResyncInitiated" })];
    await report(id, { status: "syncing", errors, tables: copying });
    await report(id, { tables: [table("ok"), table("orders")] });
    await report(id, { tables: [table("ok", { state: "Deleted" }), table("orders"), table("new")] });
    expect(await told(id, 1)).toEqual([
      "REDSHIFT-0004 needs_attention",
      "ZEROETL-0002 needs_attention",
      "ZEROETL-0006 syncing",
      "REDSHIFT-0003 syncing",
      "ZEROETL-0007 active",
      "REDSHIFT-0013 active",
      "ZEROETL-0008 active",
    ]);
    expect((await eventsOf(id))[1]).toMatchObject({
      statusCode: "TABLE_WITHOUT_KEY",
      severity: "Warning",
      message: expect.stringMatching(/: shop\.public\.orders: It has no primary key\. Add one\.$/),
    });
    const { sentence } = eventCatalogue.syncing;
    expect((await eventsOf(id))[4]?.message).toBe(`${sentence}.`);
  });

  test("of many tables that fail at once, the first are told and the rest counted", async () => {
    const id = await made();
    const names = Array.from({ length: 1_000 }, (_unused, index) => `t${String(index).padStart(4, "0")}`);
    const failed = names.map((name) => table(name, { state: "Failed", reason: unsupported("No.") }));
    await report(id, { tables: failed });
    const events = await eventsOf(id);
    expect(events).toHaveLength(1 + 21 + 1);
    expect(events[1]?.message).toContain("shop.public.t0000: No.");
    expect(events[21]?.message).toContain("980 more tables");
  });

  test("what cannot be stored or sent is repaired, and what is too long is cut", async () => {
    const id = await made();
    const message = `\0\ud800${"x".repeat(100_000)}`;
    await report(id, { status: "failed", errors: [{ code: "SOURCE_REPLACED", message }] });
    const [, stopped, failed] = await eventsOf(id);
    expect(stopped).toMatchObject({ id: "ZEROETL-INTEGRATION-EVENT-0004", severity: "Error" });
    expect(failed?.id).toBe("REDSHIFT-INTEGRATION-EVENT-0006");
    expect(stopped?.message).not.toMatch(/[\0\p{Surrogate}]/u);
    expect(stopped?.message).toHaveLength(2_000);
  });

  test("a source that loses its authorization, and regains it, is reported", async () => {
    const id = await made();
    await report(id, {});
    const errors = [{ code: "SOURCE_NOT_AUTHORIZED", message: "The policy says no." }];
    await report(id, { status: "needs_attention", errors });
    await report(id, {});
    expect(await told(id, 2)).toEqual([
      "REDSHIFT-0008 needs_attention",
      "ZEROETL-0002 needs_attention",
      "REDSHIFT-0013 active",
    ]);
  });

  test("a change that is refused, or dropped, leaves no event", async () => {
    const name = "taken-name";
    const id = await made(name);
    await catalog.create(desired({ name }), ampleQuotas);
    await catalog.delete(id);
    await catalog.modify(id, { description: "no" });
    await catalog.forget(id);
    await report(id, { generation: 7 });
    expect(await told(id)).toEqual(["ZEROETL-0001 creating"]);
  });

  test("after 14 days an event is gone: for readers at once, from the disk with the next event", async () => {
    const id = await made("old-name");
    nowMs += eventAgeMsMax;
    expect(await told(id)).toHaveLength(1);
    nowMs += 1;
    expect(await told(id)).toEqual([]);
    expect(await catalog.lastOfName("old-name")).toBe(id);
    await made();
    expect(await catalog.lastOfName("old-name")).toBeUndefined();
  });

  test("one integration keeps a bounded number of events", async () => {
    const id = await made();
    const other = await made();
    const names = Array.from({ length: 20 }, (_unused, index) => `t${index}`);
    const tables = (message: string) =>
      names.map((name) => table(name, { state: "Failed", reason: unsupported(message) }));
    for (let round = 0; round < eventsOfOneMax / 20 + 2; round += 1)
      await report(id, { tables: tables(String(round)) });
    const range = { after: undefined, limit: 100_000, from: new Date(0), to: new Date(nowMs) };
    expect((await catalog.events({ ...range, integrationId: id })).events).toHaveLength(eventsOfOneMax);
    expect(await told(other)).toHaveLength(1);
  });

  test("categories and times narrow what is read", async () => {
    const id = await made();
    nowMs += 1_000;
    await catalog.delete(id);
    await report(id, { errors: [] });
    const modified = await made();
    await report(modified, {});
    nowMs += 1_000;
    await catalog.modify(modified, { dataFilter: "include: a.b.*" });
    const page = { after: undefined, limit: 100, from: new Date(nowMs), to: new Date(nowMs) };
    const narrowed = await catalog.events({ ...page, categories: ["operation"] });
    expect(narrowed.events.map(({ integrationId }) => integrationId)).toEqual([modified]);
    expect((await catalog.events({ ...page, categories: [] })).events).toEqual([]);
    expect((await catalog.events({ ...page, to: new Date(nowMs - 1) })).events).toEqual([]);
  });

  test("the outbox gives each integration's first event until it is taken", async () => {
    nowMs += 3 * eventAgeMsMax;
    const first = await made();
    await made();
    await report(first, {});
    const heads = async () =>
      (await catalog.pendingEvents(10)).map(({ integrationId, status, ordinal }) => ({
        is: `${integrationId === first ? "first" : "second"} ${status}`,
        ordinal,
      }));
    const before = await heads();
    expect(before.map(({ is }) => is)).toEqual(["first creating", "second creating"]);
    expect(await catalog.pendingEvents(1)).toHaveLength(1);
    await catalog.eventTaken(before[0]?.ordinal ?? 0);
    expect((await heads()).map(({ is }) => is)).toEqual(["second creating", "first active"]);
    for (let head = await heads(); head.length > 0; head = await heads())
      await catalog.eventTaken(head[0]?.ordinal ?? 0);
    expect(await told(first)).toEqual(["ZEROETL-0001 creating", "REDSHIFT-0000 active"]);
  });

  test("pages hold every event once, while others are added all the time", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 7 }),
        fc.array(fc.nat(4), { maxLength: 12 }),
        async (limit, additions) => {
          const ids = await Promise.all([made(), made(), made()]);
          const add = async (count: number): Promise<void> => {
            const changes = Array.from({ length: count }, (_unused, index) =>
              catalog.modify(ids[index % ids.length] ?? "", { description: `${Math.random()}` }),
            );
            await Promise.all(changes);
          };
          for (const id of ids) await report(id, {});
          await add(5);
          const range = { from: new Date(0), to: new Date(nowMs) };
          const there = (await catalog.events({ after: undefined, limit: 100_000, ...range })).events;
          const seen: number[] = [];
          let after: number | undefined = there.at(-12)?.ordinal;
          const expected = there.slice(-11).map(({ ordinal }) => ordinal);
          do {
            const adding = add(additions.pop() ?? 0);
            const page = await catalog.events({ after, limit, ...range });
            seen.push(...page.events.map(({ ordinal }) => ordinal));
            await adding;
            after = page.next;
          } while (after !== undefined);
          const all = (await catalog.events({ after: undefined, limit: 100_000, ...range })).events;
          expect(seen.slice(0, expected.length)).toEqual(expected);
          expect(new Set(seen).size).toBe(seen.length);
          // No event became visible behind a page that had been read.
          const known = all.map(({ ordinal }) => ordinal).filter((at) => at <= (seen.at(-1) ?? 0));
          expect(known.slice(-seen.length)).toEqual(seen);
        },
      ),
      { numRuns: 15 },
    );
  });
});

test("without somebody who takes events, none waits to be taken", async () => {
  const home = await catalogHomes["in a PostgreSQL server"]?.();
  if (home === undefined) throw new Error("no such home");
  await using catalog = await Catalog.open(home.location);
  await catalog.create(desired(), ampleQuotas);
  expect(await catalog.pendingEvents(10)).toEqual([]);
  await catalog[Symbol.asyncDispose]();
  await home.close();
});
