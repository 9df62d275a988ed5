import { expect, test } from "vitest";
import { freePort, TestPostgres } from "../../../../test/support/postgres.ts";
import { parseDataFilter } from "../../../model/data-filter.ts";
import type { Finding } from "../../../model/finding.ts";
import type { StreamRequest } from "../../source.ts";
import { postgres } from "../engine.ts";

const never = new AbortController().signal;

function requestOf(url: string, database = "postgres", filter = `include: ${database}.*.*`): StreamRequest {
  const scope = parseDataFilter(filter, "postgres");
  return { url, database, integrationId: "11111111-2222-4333-8444-555555555555", scope };
}

async function check(url: string, database?: string, filter?: string): Promise<readonly Finding[]> {
  return postgres.check(requestOf(url, database, filter), never);
}

function found(findings: readonly Finding[], severity: Finding["severity"] = "blocks"): string[] {
  return findings.filter((finding) => finding.severity === severity).map(({ code }) => code);
}

test("a server with everything is fine, and a look at it changes nothing", async () => {
  await using server = await TestPostgres.start();
  await server.run("CREATE TABLE t (id int PRIMARY KEY)");
  const findings = await check(server.url());
  expect(findings.filter(({ severity }) => severity !== "fine")).toEqual([]);
  expect(findings.map(({ subject }) => subject)).toContain("public.t");
  expect(await server.rows("SELECT FROM pg_replication_slots")).toEqual([]);
  expect(await server.rows("SELECT FROM pg_publication")).toEqual([]);
});

test("what keeps a connection from being made is a finding without the secret", async () => {
  await using server = await TestPostgres.start();
  const wrong = server.url().replace("secret", "wr0ng-Pa55word");
  const cases = [
    [await check(`postgres://u:wr0ng-Pa55word@127.0.0.1:${await freePort()}/postgres`), "SOURCE_UNREACHABLE"],
    [await check("postgres://u:wr0ng-Pa55word@nowhere.invalid/postgres"), "SOURCE_UNREACHABLE"],
    [await check(wrong), "SOURCE_AUTHENTICATION"],
    [await check(server.url(), "absent"), "SOURCE_DATABASE_MISSING"],
    [await check(`${wrong}?sslmode=verify-full&sslrootcert=/absent.pem`), "CONFIGURATION"],
  ] as const;
  for (const [findings, code] of cases) {
    expect(found(findings)).toEqual([code]);
    expect(findings[0]?.fix).toBeTruthy();
    expect(JSON.stringify(findings)).not.toContain("wr0ng-Pa55word");
  }
  await expect(
    postgres.open(
      { ...requestOf(wrong), progress: { checkpoint: undefined, copies: undefined, tables: [] } } as never,
      never,
    ),
  ).rejects.toMatchObject({ code: "SOURCE_AUTHENTICATION" });
});

test("settings that replication requires are reported with the statement that sets them", async () => {
  const settings = {
    wal_level: "replica",
    max_replication_slots: "1",
    max_wal_senders: "1",
    max_slot_wal_keep_size: "1GB",
  };
  await using server = await TestPostgres.start({ version: 14, settings });
  const findings = await check(server.url());
  expect(found(findings)).toEqual(["WAL_LEVEL", "REPLICATION_SLOTS", "WAL_SENDERS"]);
  expect(found(findings, "warns")).toEqual(["WAL_KEEP_SIZE", "TABLE_MISSING"]);
  for (const finding of findings) if (finding.severity !== "fine") expect(finding.fix).toBeTruthy();
  expect(findings.find(({ code }) => code === "WAL_LEVEL")?.fix).toContain(
    "ALTER SYSTEM SET wal_level = logical",
  );
});

test("a user with too few rights is told which ones to ask for", async () => {
  await using server = await TestPostgres.start();
  await server.run([
    "CREATE ROLE poor LOGIN PASSWORD 'secret'",
    "CREATE TABLE t (id int PRIMARY KEY)",
    "CREATE TABLE mine (id int PRIMARY KEY)",
    "ALTER TABLE mine OWNER TO poor",
  ]);
  const url = server.url().replace("postgres:secret", "poor:secret");
  const findings = await check(url);
  expect(found(findings)).toEqual(["SOURCE_PRIVILEGE", "SOURCE_PRIVILEGE"]);
  expect(found(findings, "warns")).toEqual(["TABLE_PRIVILEGE"]);
  for (const { fix, severity } of findings)
    if (severity === "blocks" && fix !== undefined) await server.run(fix.split("; on Amazon")[0] ?? "");
  expect(found(await check(url))).toEqual([]);
  expect(findings.find(({ subject }) => subject === "public.t")?.fix).toMatch(
    /^GRANT "postgres" TO "poor"; but as postgres is a superuser/,
  );
  await server.run(["CREATE ROLE reconciler", "ALTER TABLE t OWNER TO reconciler"]);
  const owned = (await check(url)).find(({ subject }) => subject === "public.t");
  expect(owned?.fix).toBe('GRANT "reconciler" TO "poor";');
  await server.run(owned?.fix ?? "");
  expect(found(await check(url), "warns")).toEqual([]);
  await server.run("ALTER ROLE poor SET default_transaction_read_only = on");
  expect(found(await check(url))).toEqual([]);
});

test("a database in another encoding is refused", async () => {
  await using server = await TestPostgres.start();
  await server.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  expect(found(await check(server.url(), "latin"))).toEqual(["SOURCE_ENCODING"]);
});

test("tables that cannot be replicated are named one by one, with the reason", async () => {
  await using server = await TestPostgres.start();
  await server.run([
    "CREATE ROLE r LOGIN REPLICATION PASSWORD 'secret'",
    "GRANT CREATE ON DATABASE postgres TO r",
    "GRANT CREATE ON SCHEMA public TO r",
    "SET ROLE r",
    "CREATE TABLE fine (id int PRIMARY KEY)",
    "CREATE TABLE keyless (id int)",
    "CREATE TABLE nothing (id int PRIMARY KEY)",
    "ALTER TABLE nothing REPLICA IDENTITY NOTHING",
    "CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY)",
    "CREATE TABLE secured (id int PRIMARY KEY)",
    "ALTER TABLE secured ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE secured FORCE ROW LEVEL SECURITY",
    "CREATE TABLE parts (id int) PARTITION BY RANGE (id)",
    "CREATE VIEW v AS SELECT 1 AS id",
    "CREATE MATERIALIZED VIEW m AS SELECT 1 AS id",
    "RESET ROLE",
    "CREATE TABLE foreigners (id int PRIMARY KEY)",
  ]);
  const url = server.url().replace("postgres:secret", "r:secret");
  const names = ["absent", "v", "m"].map((name) => `include: postgres.public.${name}`);
  const findings = await check(url, "postgres", ["include: postgres.*.*", ...names].join(", "));
  const of = (table: string): string | undefined =>
    findings.find(({ subject, severity }) => subject === `public.${table}` && severity === "warns")?.code;
  expect(of("fine")).toBeUndefined();
  expect(of("keyless")).toBe("TABLE_WITHOUT_KEY");
  expect(of("nothing")).toBe("TABLE_WITHOUT_KEY");
  expect(of("unlogged")).toBe("TABLE_UNSUPPORTED");
  expect(of("secured")).toBe("TABLE_ROW_SECURITY");
  expect(of("parts")).toBe("TABLE_WITHOUT_KEY");
  expect(of("foreigners")).toBe("TABLE_PRIVILEGE");
  expect(of("absent")).toBe("TABLE_MISSING");
  expect(of("v")).toBe("TABLE_UNSUPPORTED");
  expect(of("m")).toBe("TABLE_UNSUPPORTED");
});
