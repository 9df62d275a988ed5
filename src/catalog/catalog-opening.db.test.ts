import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import { expect, test } from "vitest";
import { ampleQuotas as quotas, desired, table } from "../../test/support/catalog-homes.ts";
import { TestPostgres } from "../../test/support/postgres.ts";
import { setLogLevel } from "../base/log.ts";
import { Catalog } from "./catalog.ts";
import { openDatabase } from "./store/database.ts";

setLogLevel("silent");

test("a second catalog on the same directory is refused until the first is closed", async () => {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-catalog-"));
  try {
    const location = { kind: "directory", directory } as const;
    const first = await Catalog.open(location);
    await expect(Catalog.open(location)).rejects.toMatchObject({ code: "DATA_DIRECTORY_LOCKED" });
    await first[Symbol.asyncDispose]();
    await (await Catalog.open(location))[Symbol.asyncDispose]();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test("a catalog that a newer version has opened is refused with what to do", async () => {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-catalog-"));
  const location = { kind: "directory", directory } as const;
  const { db, close } = await openDatabase(location);
  await sql`INSERT INTO zeroetl.kysely_migration VALUES ('9999-of-the-future', '2099-01-01')`.execute(db);
  await close();
  await expect(openDatabase(location)).rejects.toThrow(/last opened by a newer version of zeroetl: use that/);
  await rm(directory, { recursive: true });
});

test("reasons that an older version stored as text keep their codes", async () => {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-catalog-"));
  const location = { kind: "directory", directory } as const;
  const older = await Catalog.open(location);
  const { id } = desired();
  await older.create({ ...desired(), id }, quotas);
  const reason = { code: "TABLE_WITHOUT_KEY", message: "It has no key: add one." };
  const tables = [table("failed", { state: "Failed", reason }), table("ok")];
  await older.report(id, { generation: 1, status: "active", errors: [], tables });
  await older[Symbol.asyncDispose]();
  const { db, close } = await openDatabase(location);
  await sql`
    ALTER TABLE zeroetl.table_states ALTER COLUMN reason TYPE text
    USING (reason ->> 'code') || ': ' || (reason ->> 'message')`.execute(db);
  await sql`DELETE FROM zeroetl.kysely_migration WHERE name >= '0008'`.execute(db);
  await close();
  await using catalog = await Catalog.open(location);
  expect(await catalog.tables(id)).toEqual(tables);
  await rm(directory, { recursive: true });
});

test("a server that is not there or not fit is an error with a fix, without the password", async () => {
  const refused = Catalog.open({ kind: "server", url: "postgres://u:hunter2@127.0.0.1:1/x" });
  await expect(refused).rejects.toMatchObject({ code: "CATALOG_FAILED" });
  await expect(refused).rejects.toThrow(/^(?!.*hunter2)/);
  await expect(Catalog.open({ kind: "server", url: "postgres://u:hunter2@[" })).rejects.toMatchObject({
    code: "CONFIGURATION",
  });
  await using server = await TestPostgres.start({ version: 16 });
  await server.run("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'");
  await expect(Catalog.open({ kind: "server", url: server.url("latin") })).rejects.toMatchObject({
    code: "CONFIGURATION",
  });
});

test("two processes on one server share the desired state, and a broken connection heals", async () => {
  await using server = await TestPostgres.start({ version: 18 });
  const location = { kind: "server", url: server.url() } as const;
  const [first, second] = await Promise.all([Catalog.open(location), Catalog.open(location)]);
  try {
    expect(first.markerKey).toEqual(second.markerKey);
    const same = desired();
    const attempts = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? first : second).create({ ...same, id: randomUUID() }, quotas),
    );
    const kinds = (await Promise.all(attempts)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "created")).toHaveLength(1);
    const client = new pg.Client({ connectionString: server.url() });
    await client.connect();
    await client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'zeroetl catalog'",
    );
    await client.end();
    await expect.poll(async () => (await first.wanted()).length, { timeout: 10_000 }).toBe(1);
  } finally {
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
  }
});
