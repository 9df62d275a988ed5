import { expect, test, vi } from "vitest";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { parseDataFilter } from "../../../model/data-filter.ts";
import { CatalogWatch } from "./catalog-watch.ts";
import { namesOf } from "../names.ts";
import { createPublication } from "../catalog/publication.ts";
import { Session } from "../connection/session.ts";
import { createSlot } from "../stream/slot.ts";

const never = new AbortController().signal;
const database = "postgres";

test("a table that was published, copied and taken out again between two looks is observed again", async () => {
  await using server = await TestPostgres.start();
  await server.run("CREATE TABLE t (id int PRIMARY KEY)");
  const connect = { url: server.url(), database };
  await using session = await Session.open(connect, never);
  const names = namesOf("11111111-2222-4333-8444-555555555555", database);
  await createPublication(session, names.publication);
  await createSlot({ ...connect, slot: names.slot, version: 180_000, onWait: () => {} }, never);
  const tables = { look: 0, changedAt: 0 };
  const scope = parseDataFilter("include: postgres.*.*", "postgres");
  const watch = new CatalogWatch({ session, names, scope, database, tables });
  const isPublished = (): boolean | undefined => {
    const [table] = watch.observation?.selected.values() ?? [];
    return table && table.membership !== null;
  };
  const alter = async (how: "ADD" | "DROP"): Promise<void> =>
    server.run(`ALTER PUBLICATION ${names.publication} ${how} TABLE t`);

  await watch.look();
  expect(isPublished()).toBe(false);
  watch.taken(true);
  await alter("ADD");
  tables.changedAt = tables.look;
  await alter("DROP");
  await watch.look();
  expect(isPublished()).toBe(false);
  watch.taken(true);

  await watch.look();
  expect(watch.observation).toBeUndefined();
  await alter("ADD");
  await watch.look();
  expect(isPublished()).toBe(true);

  // What is asked between two looks.
  expect(await watch.hasTableNews()).toBe(false);
  await server.run(["INSERT INTO t VALUES (1)", "CREATE TEMPORARY TABLE passing (id int)", "ANALYZE"]);
  expect(await watch.hasTableNews()).toBe(false);
  for (const change of ["CREATE TABLE u (id int)", "ALTER TABLE u ADD v int", "DROP TABLE u"]) {
    await server.run(change);
    expect(await watch.hasTableNews(), change).toBe(true);
    await watch.look();
    expect(await watch.hasTableNews(), change).toBe(false);
  }
});

test("while nothing changes, a look is one query, and it sees that the publication was dropped", async () => {
  await using server = await TestPostgres.start();
  await server.run("CREATE TABLE t (id int PRIMARY KEY)");
  await using session = await Session.open({ url: server.url(), database }, never);
  const names = namesOf("11111111-2222-4333-8444-555555555555", database);
  await createPublication(session, names.publication);
  const scope = parseDataFilter("include: postgres.*.*", "postgres");
  const tables = { look: 0, changedAt: 0 };
  const watch = new CatalogWatch({ session, names, scope, database, tables });
  await watch.look();
  watch.taken(true);

  const queries = vi.spyOn(session, "rows");
  for (let look = 0; look < 3; look += 1) await watch.look();
  expect(queries).toHaveBeenCalledTimes(3);
  expect(watch.observation).toBeUndefined();

  await server.run(`DROP PUBLICATION ${names.publication}`);
  for (let look = 0; look < 2; look += 1)
    await expect(watch.look()).rejects.toMatchObject({ code: "PUBLICATION" });
});
