import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ampleQuotas, catalogHomes, desired, type CatalogHome } from "../../../test/support/catalog-homes.ts";
import { setLogLevel } from "../../base/log.ts";
import { inbound } from "../../model/policy/namespace-policy.ts";
import { Catalog } from "../catalog.ts";

setLogLevel("silent");

/** Lets one source in. */
function policyFor(sourceArn: string, over: object = {}): string {
  const Condition = { StringEquals: { "aws:SourceArn": sourceArn } };
  const Principal = { Service: "redshift.amazonaws.com" };
  const Statement = [{ Effect: "Allow", Principal, Action: inbound.authorize, Condition, ...over }];
  return JSON.stringify({ Version: "2012-10-17", Statement }, undefined, 2);
}

describe.each(Object.entries(catalogHomes))("resource policies of a catalog %s", (_, makeHome) => {
  let home: CatalogHome;
  let catalog: Catalog;
  let now = new Date("2026-01-31T12:00:00Z");

  beforeAll(async () => {
    home = await makeHome();
    catalog = await Catalog.open(home.location, { now: () => now });
  });

  afterAll(async () => {
    await catalog[Symbol.asyncDispose]();
    await home.close();
  });

  async function isAuthorized(id: string): Promise<boolean | undefined> {
    return (await catalog.wanted()).find(({ integration }) => integration.id === id)?.isAuthorized;
  }

  test("a policy is kept as it was put, is replaced whole, and is gone when it was removed", async () => {
    const policies = catalog.resourcePolicies;
    expect(await policies.find("one")).toBeUndefined();
    expect(await policies.remove("one")).toBe("unknown");
    for (const text of [policyFor("a"), policyFor("b é \\u0000")]) {
      expect(await policies.put("one", text)).toBe("put");
      expect(await policies.find("one")).toMatchObject({ text });
    }
    expect(await policies.find("two")).toBeUndefined();
    expect(await policies.remove("one")).toBe("removed");
    expect(await policies.find("one")).toBeUndefined();
  });

  test("what is wanted says whether its source is let in, and a change of it notifies as a request does", async () => {
    const { id, sourceArn, targetArn } = desired();
    await catalog.create(desired({ id, sourceArn, targetArn }), ampleQuotas);
    const other = desired();
    await catalog.create(other, ampleQuotas);
    let told = 0;
    const stop = catalog.onDesiredChange(() => (told += 1));
    const { resourcePolicies: policies } = catalog;
    expect(await isAuthorized(id)).toBe(true);
    await policies.put(targetArn, policyFor("another source"));
    expect([await isAuthorized(id), told]).toEqual([false, 1]);
    await policies.put(targetArn, policyFor(sourceArn));
    expect([await isAuthorized(id), told]).toEqual([true, 2]);
    await policies.put(targetArn, policyFor(sourceArn, { Effect: "Deny" }));
    expect(await isAuthorized(id)).toBe(false);
    expect(await isAuthorized(other.id)).toBe(true);
    await policies.remove(targetArn);
    expect([await isAuthorized(id), told]).toEqual([true, 4]);
    stop();
  });

  test("a policy with an end ends by itself", async () => {
    const created = desired();
    await catalog.create(created, ampleQuotas);
    const Condition = { DateLessThan: { "aws:CurrentTime": "2026-02-01T00:00:00Z" } };
    await catalog.resourcePolicies.put(created.targetArn, policyFor("any", { Condition }));
    expect(await isAuthorized(created.id)).toBe(true);
    now = new Date("2026-02-01T00:00:00Z");
    expect(await isAuthorized(created.id)).toBe(false);
  });

  test("a text that is not understood lets nobody in, and holds up no other target", async () => {
    const [first, second] = [desired(), desired()];
    for (const each of [first, second]) await catalog.create(each, ampleQuotas);
    for (const text of ["{", '{"Statement": [{"Effect": "Maybe"}]}']) {
      await catalog.resourcePolicies.put(first.targetArn, text);
      expect(await isAuthorized(first.id)).toBe(false);
      expect(await catalog.resourcePolicies.find(first.targetArn)).toMatchObject({ text });
    }
    expect(await isAuthorized(second.id)).toBe(true);
  });

  test("a policy is still there when the catalog is opened again", async () => {
    const text = policyFor("a");
    await catalog.resourcePolicies.put("kept", text);
    await catalog[Symbol.asyncDispose]();
    catalog = await Catalog.open(home.location, { now: () => now });
    expect(await catalog.resourcePolicies.find("kept")).toMatchObject({ text });
  });
});

test("who changes a policy while another is changing it is told so, and has changed nothing", async () => {
  const home = await (catalogHomes["in a PostgreSQL server"] ?? raise())();
  const catalog = await Catalog.open(home.location);
  const other = new pg.Client({ connectionString: home.location.kind === "server" ? home.location.url : "" });
  await other.connect();
  try {
    const { resourcePolicies: policies } = catalog;
    await policies.put("one", policyFor("a"));
    await other.query("BEGIN");
    await other.query("SELECT pg_advisory_xact_lock(hashtext('zeroetl.resource_policies'), hashtext('one'))");
    expect(await policies.put("one", policyFor("b"))).toBe("conflict");
    expect(await policies.remove("one")).toBe("conflict");
    expect(await policies.find("one")).toMatchObject({ text: policyFor("a") });
    expect(await policies.put("two", policyFor("b"))).toBe("put");
    await other.query("ROLLBACK");
    expect(await policies.put("one", policyFor("b"))).toBe("put");
  } finally {
    await other.end();
    await catalog[Symbol.asyncDispose]();
    await home.close();
  }
});

function raise(): never {
  throw new Error("there is a home of this name");
}
