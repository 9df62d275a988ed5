import { ModifyIntegrationCommand } from "@aws-sdk/client-rds";
import { DuckDBInstance } from "@duckdb/node-api";
import { chmod, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { run } from "../support/command.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ServiceProcess } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { until } from "../support/until.ts";

// Programs are built and started, a whole service among them.
vi.setConfig({ testTimeout: 300_000 });

async function slots(server: TestPostgres): Promise<number> {
  const [row] = await server.rows<{ count: string }>(
    "SELECT count(*) FROM pg_replication_slots WHERE NOT temporary",
  );
  return Number(row?.count);
}

test("status, metrics and verify tell what is so, and verify fails on a difference", async () => {
  await using server = await TestPostgres.start();
  await using directory = await TemporaryDirectory.make();
  await server.run([
    "CREATE TABLE orders (id int PRIMARY KEY, total numeric(10,2))",
    "INSERT INTO orders SELECT i, i / 7.0 FROM generate_series(1, 1000) AS i",
    "CREATE TABLE audit (what text)",
  ]);
  const options = { directory: directory.path, sourceUrl: server.url() };
  const flags = ["--config", join(directory.path, "zeroetl.yaml")];
  const command = (...parameters: string[]) => run([...parameters, ...flags], options);
  {
    await using service = await ServiceProcess.start(options);
    expect((await command("status")).out).toMatch(/aws rds create-integration --endpoint-url http/);
    await service.create("include: postgres.public.*");
    await service.status("needs_attention");
    const { out } = await command("status");
    expect(out).toMatch(/^test {2}needs_attention {2}test → test\n/);
    expect(out).toMatch(/! TABLE_WITHOUT_KEY: Table public\.audit/);
    expect(out).toMatch(/ public\.orders +Synced +1,000\n/);
    expect(out.split("\n").every((line) => line.length <= 80 || line.includes("TABLE_WITHOUT_KEY:"))).toBe(
      true,
    );
    const report = JSON.parse((await command("status", "test", "--json")).out) as {
      integrations: { streams: { phase: string }[]; tables: { table: string; state: string }[] }[];
    };
    expect(report.integrations[0]?.streams).toMatchObject([{ phase: "streaming", copiesWaiting: 0 }]);
    const metrics = await (await fetch(`${service.endpoint}/metrics`)).text();
    expect(metrics).toContain(
      'zeroetl_tables{integration="test",source_database="postgres",state="Synced"} 1',
    );
    expect(metrics).toContain(
      'zeroetl_rows_copied_total{integration="test",source_database="postgres"} 1000',
    );
    expect(metrics).toContain('zeroetl_integration_status{integration="test",status="needs_attention"} 1');
    expect(metrics).toMatch(/zeroetl_retained_wal_bytes\{[^}]*\} \d/);
    const equal = await command("verify", "test");
    expect(equal).toMatchObject({ status: 0, err: "" });
    expect(equal.out).toMatch(/public\.orders +equal +1,000 rows\n/);
    expect(equal.out).toMatch(/public\.audit +not compared +Failed/);
    expect(equal.out).toMatch(/1 table equal, 0 different, 1 not compared\./);
  }
  await tamper(directory.path);
  await using service = await ServiceProcess.start(options);
  await service.status("needs_attention");
  const different = await command("verify", "test");
  expect(different.status).toBe(1);
  expect(different.out).toMatch(/public\.orders +DIFFERENT +1,000 rows at the source, 999 in the warehouse/);
  const lines = (await command("verify", "test", "--json")).out.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toContainEqual(
    expect.objectContaining({ table: "orders", result: "different" }),
  );
});

/** Loses a row, as no zeroetl would. */
async function tamper(directory: string): Promise<void> {
  const file = (await readdir(directory, { recursive: true })).find((name) =>
    name.endsWith("postgres.duckdb"),
  );
  const instance = await DuckDBInstance.create(join(directory, file ?? ""));
  const connection = await instance.connect();
  const found = await connection.runAndReadAll(
    "SELECT format('{}.\"{}\"', schema_name, table_name) FROM duckdb_tables() WHERE estimated_size = 1000",
  );
  await connection.run(`DELETE FROM ${String(found.getRows()[0]?.[0])} WHERE rowid = 7`);
  connection.closeSync();
  instance.closeSync();
}

test("check reports what stands in the way with the statement that fixes it, and exits with 1", async () => {
  await using server = await TestPostgres.start({ settings: { wal_level: "replica" } });
  await using directory = await TemporaryDirectory.make();
  await server.run("CREATE TABLE keyless (a int)");
  await writeFile(
    join(directory.path, "zeroetl.yaml"),
    `sources:\n  - { name: shop, engine: postgres, url: "${server.url()}" }\ntargets:\n  - { name: t, engine: duckdb }\n`,
    { mode: 0o600 },
  );
  const blocked = await run(["check"], { directory: directory.path });
  expect(blocked.status).toBe(1);
  expect(blocked.out).toMatch(
    /^source shop\n {2}blocks WAL_LEVEL .*Fix: ALTER SYSTEM SET wal_level = logical/,
  );
  expect(blocked.out).toMatch(
    /\n {2}warns {2}TABLE_WITHOUT_KEY .*keyless.* Fix: ALTER TABLE .* REPLICA IDENTITY FULL;/,
  );
  expect(blocked.out).toMatch(/\ntarget t\n/);
  expect(blocked.out).not.toContain("secret");

  await server.run("ALTER SYSTEM SET wal_level = logical");
  // The command line of the test's server is stronger than the file: the fix is shown on another server.
  await using repaired = await TestPostgres.start();
  await writeFile(
    join(directory.path, "zeroetl.yaml"),
    `sources:\n  - { name: shop, engine: aurora-postgresql, url: "${repaired.url()}" }\n`,
    { mode: 0o600 },
  );
  const fine = await run(["check", "shop"], { directory: directory.path });
  expect(fine.status).toBe(0);
  expect(fine.out).toMatch(/Nothing stands in the way.*Next: node \S+zeroetl\.cjs serve/);
  await writeFile(join(directory.path, "zeroetl.yaml"), "region: us-east-1\n");
  const empty = await run(["check"], { directory: directory.path });
  expect(empty.status).toBe(1);
  expect(empty.out).toMatch(
    /^configuration\n {2}blocks CONFIGURATION No source is configured\. Fix: Name one/,
  );
  expect(empty.out).toMatch(
    /No target is configured\..*\n\nNothing is configured: there is nothing to replicate/,
  );
  const asJson = JSON.parse((await run(["check", "--json"], { directory: directory.path })).out) as object;
  expect(asJson).toMatchObject({
    findings: [
      { about: "configuration", severity: "blocks", code: "CONFIGURATION", fix: "Name one under `sources`." },
      { fix: "Name one under `targets`." },
    ],
  });
  await writeFile(
    join(directory.path, "zeroetl.yaml"),
    `sources:\n  - { name: shop, engine: postgres, url: "${repaired.url()}" }\n`,
  );
  await chmod(join(directory.path, "zeroetl.yaml"), 0o644);
  const open = await run(["check"], { directory: directory.path });
  expect(open.out).toMatch(
    / {2}warns {2}CONFIGURATION zeroetl\.yaml:2: a secret stands in a file that others/,
  );
  const unknown = await run(["check", "nobody"], { directory: directory.path });
  expect(unknown).toMatchObject({
    status: 2,
    err: expect.stringMatching(/There is no source nobody/) as string,
  });
});

test("a changed filter drops and copies tables, and a deleted integration leaves no slot and keeps its rows", async () => {
  await using server = await TestPostgres.start();
  await using directory = await TemporaryDirectory.make();
  await server.run(
    ["a", "b"].flatMap((name) => [
      `CREATE TABLE ${name} (id int PRIMARY KEY)`,
      `INSERT INTO ${name} VALUES (1)`,
    ]),
  );
  await server.run("CREATE DATABASE other");
  await server.run(["CREATE TABLE c (id int PRIMARY KEY)", "INSERT INTO c VALUES (3)"], "other");
  await using service = await ServiceProcess.start({ directory: directory.path, sourceUrl: server.url() });
  await service.create("include: postgres.public.a, include: other.public.*");
  await service.status("active");
  expect(await slots(server)).toBe(2);
  expect(await service.query("SELECT id FROM other.public.c")).toEqual([["3"]]);
  await service.rds.send(
    new ModifyIntegrationCommand({ IntegrationIdentifier: "test", DataFilter: "include: postgres.public.b" }),
  );
  await service.status("active");
  await until(
    "b is there",
    async () => (await service.query("SELECT id FROM postgres.public.b")).length === 1,
  );
  await expect(service.query("SELECT id FROM postgres.public.a")).rejects.toThrow(/does not exist/);
  await until("the other database's slot is gone", async () => (await slots(server)) === 1);
  await expect(service.query("SELECT id FROM other.public.c")).rejects.toThrow(/does not exist/);

  await service.remove();
  expect(await slots(server)).toBe(0);
  expect(await service.query("SELECT id FROM postgres.public.b")).toEqual([["1"]]);
});

test("create, modify and delete drive the service as the API does, with the credentials that it runs with", async () => {
  await using server = await TestPostgres.start();
  await using directory = await TemporaryDirectory.make();
  await server.run(
    ["orders", "log"].flatMap((name) => [
      `CREATE TABLE ${name} (id int PRIMARY KEY)`,
      `INSERT INTO ${name} VALUES (1)`,
    ]),
  );
  const options = { directory: directory.path };
  await using service = await ServiceProcess.start({ ...options, sourceUrl: server.url() });
  const zeroetl = (...parameters: string[]) =>
    run([...parameters, "--config", join(directory.path, "zeroetl.yaml")], options);
  const created = await zeroetl("create", "test", "test");
  expect(created).toMatchObject({ status: 0, err: "" });
  // The second line is a command, which does what it says.
  expect(created.out).toMatch(
    /^Integration test is being created, with the data filter include: postgres\.\*\.\*\.\nCurrent state: node \S+ status test\n$/,
  );
  await service.status("active");
  expect(await service.query("SELECT id FROM postgres.public.log")).toEqual([["1"]]);
  const again = await zeroetl("create", "test", "test", "--name", "other", "--database", "copy");
  expect([again.status, again.err]).toEqual([
    1,
    expect.stringMatching(/^zeroetl: .*already exists between .* \(IntegrationAlreadyExistsFault\)\n$/),
  ]);
  for (const [parameters, message] of [
    [["create", "tset", "test"], /There is no source "tset" in the configuration; it has test\./],
    [["create", "test", "x"], /There is no target "x" in the configuration; it has test\./],
    [["modify", "test"], /There is nothing to change: give --name, --filter or both\./],
  ] as const)
    expect(await zeroetl(...parameters)).toMatchObject({
      status: 2,
      err: expect.stringMatching(message) as string,
    });

  const modified = await zeroetl(
    "modify",
    "test",
    "--name",
    "shop",
    "--filter",
    "include: postgres.public.orders",
    "--json",
  );
  expect(JSON.parse(modified.out)).toMatchObject({ IntegrationName: "shop", Status: "modifying" });
  await service.status("active", { name: "shop" });
  await expect(service.query("SELECT id FROM postgres.public.log")).rejects.toThrow(/does not exist/);
  const refused = await zeroetl("modify", "shop", "--filter", "nonsense");
  expect(refused.err).toMatch(/^zeroetl: .*\(InvalidParameterValue\)\n$/);

  expect((await zeroetl("delete", "shop")).out).toMatch(
    /^Integration shop is being deleted; its rows stay readable/,
  );
  await until("its slot is gone", async () => (await slots(server)) === 0);
  const gone = await zeroetl("delete", "shop");
  expect(gone.err).toMatch(
    /The integration shop does not exist\. List the integrations with `node \S+ status`\./,
  );
  await zeroetl(
    "create",
    "test",
    "test",
    "--name",
    "eu",
    "--database",
    "eu",
    "--filter",
    "include: postgres.public.log",
  );
  await service.status("active", { name: "eu" });
  expect(await service.query("SELECT id FROM eu.public.log")).toEqual([["1"]]);
});
