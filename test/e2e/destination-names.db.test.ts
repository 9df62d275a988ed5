import { AddTagsToResourceCommand } from "@aws-sdk/client-rds";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { run } from "../support/command.ts";
import { TestPostgres } from "../support/postgres.ts";
import { moreTargetArn, ServiceProcess, sourceArnOf, type ServiceOptions } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { until } from "../support/until.ts";

// A server, and a service in a process of its own.
vi.setConfig({ testTimeout: 300_000 });

interface Home {
  readonly server: TestPostgres;
  readonly directory: TemporaryDirectory;
}

/** A database `shop` with two tables of one row. */
async function fill(server: TestPostgres): Promise<void> {
  await server.run("CREATE DATABASE shop");
  await server.run(
    ["orders", "items"].flatMap((table) => [
      `CREATE TABLE ${table} (id int PRIMARY KEY)`,
      `INSERT INTO ${table} VALUES (1)`,
    ]),
    "shop",
  );
}

function start({ server, directory }: Home, more: Partial<ServiceOptions> = {}): Promise<ServiceProcess> {
  return ServiceProcess.start({ directory: directory.path, sourceUrl: server.url(), ...more });
}

function commandIn({ directory }: Home) {
  const flags = ["--config", join(directory.path, "zeroetl.yaml")];
  return (...parameters: string[]) => run([...parameters, ...flags], { directory: directory.path });
}

const ids = (rows: (string | null)[][]): string => rows.flat().join(",");

test("an integration that is created again fills the database that it had, and queries say what they read", async () => {
  await using server = await TestPostgres.start();
  await using directory = await TemporaryDirectory.make();
  await fill(server);
  await using service = await start({ server, directory });
  const zeroetl = commandIn({ server, directory });
  await service.create("include: shop.*.*");
  await service.status("active");
  await service.remove();
  await server.run("INSERT INTO orders VALUES (2)", "shop");
  const frozen = await zeroetl("query", "--csv", "SELECT id FROM shop.public.orders ORDER BY id");
  expect(frozen).toEqual({
    status: 0,
    out: "id\r\n1\r\n",
    err: 'zeroetl: Notice: Database "shop" is not replicated any more: the integration that filled it was deleted.\n',
  });

  await service.create("include: shop.public.orders", "again");
  await service.status("active", { name: "again" });
  expect(ids(await service.query("SELECT id FROM shop.public.orders ORDER BY id"))).toBe("1,2");
  await server.run("INSERT INTO orders VALUES (3)", "shop");
  await until("the stream goes into the same database", async () => {
    const found = await zeroetl("query", "--csv", "SELECT max(id) AS id FROM shop.public.orders");
    return found.err === "" && found.out === "id\r\n3\r\n";
  });
  await expect(service.query("FROM shop.public.items")).rejects.toThrow(/does not exist/);
  expect((await zeroetl("status")).out).not.toContain("that no integration fills");
});

test("an orphan is listed with the command that deletes it, and the tag zeroetl:database takes or avoids one", async () => {
  await using server = await TestPostgres.start();
  await using directory = await TemporaryDirectory.make();
  await fill(server);
  await using service = await start({ server, directory }, { otherSources: ["copy"] });
  const zeroetl = commandIn({ server, directory });
  await service.create("include: shop.*.*");
  await service.status("active");
  await service.remove();
  // Another source has a database of this name, too: that is not the orphan's.
  await service.create("include: shop.*.*", "copy", { SourceArn: sourceArnOf("copy") });
  await service.status("active", { name: "copy" });
  expect(ids(await service.query("SELECT id FROM copy_shop.public.orders"))).toBe("1");
  const used = await zeroetl("drop-database", "copy_shop");
  expect([used.status, used.err]).toEqual([
    1,
    expect.stringMatching(
      /^zeroetl: Database "copy_shop" belongs to integration \S+\. Delete the integration first\.\n$/,
    ),
  ]);
  await service.remove("copy");

  await service.create("include: shop.*.*", "copy", {
    SourceArn: sourceArnOf("copy"),
    Tags: [{ Key: "zeroetl:database", Value: "shop" }],
  });
  await service.status("active", { name: "copy" });
  const { streams } = (await service.integrations())[0] ?? {};
  expect(streams?.[0]?.destinationDatabase).toBe("shop");

  // The name of a database that an integration fills: the fix that the error names, carried out.
  await service.create("include: shop.*.*", "test", { Tags: [{ Key: "zeroetl:database", Value: "SHOP" }] });
  const { Errors, IntegrationArn } = await service.status("needs_attention");
  expect(Errors).toMatchObject([
    {
      ErrorCode: "DATABASE_NAME_TAKEN",
      ErrorMessage: expect.stringContaining("the tag zeroetl:database") as string,
    },
  ]);
  await service.rds.send(
    new AddTagsToResourceCommand({
      ResourceName: IntegrationArn,
      Tags: [{ Key: "zeroetl:database", Value: "mine" }],
    }),
  );
  await service.status("active");
  expect(ids(await service.query("SELECT id FROM mine.public.orders"))).toBe("1");

  const { out } = await zeroetl("status");
  const [, orphan, command] = out.slice(out.indexOf("Databases that no integration fills")).split("\n");
  expect(orphan).toBe("  copy_shop in test, left by an integration of copy, database shop");
  expect(command).toMatch(/^ {4}node \S+ drop-database copy_shop$/);
  expect(await zeroetl("drop-database", "copy_shop")).toEqual({ status: 0, out: "", err: "" });
  expect((await zeroetl("status")).out).not.toContain("copy_shop");
  expect((await zeroetl("drop-database", "copy_shop")).err).toMatch(
    /has no database "copy_shop"\. List the databases/,
  );
});

test("each target has names of its own, and a query names its target where there are several", async () => {
  await using server = await TestPostgres.start();
  await using directory = await TemporaryDirectory.make();
  await fill(server);
  await using service = await start({ server, directory }, { moreTargets: 1 });
  const zeroetl = commandIn({ server, directory });
  await Promise.all([
    service.create("include: shop.*.*", "one"),
    service.create("include: shop.*.*", "two", { TargetArn: moreTargetArn(0) }),
  ]);
  for (const name of ["one", "two"]) await service.status("active", { name });
  const found = (await service.integrations()).map(({ streams }) => streams[0]?.destinationDatabase);
  expect(found).toEqual(["shop", "shop"]);
  const sql = "SELECT count(*) AS n FROM shop.public.orders";
  expect(await zeroetl("query", "--csv", "--target", "more-0", sql)).toMatchObject({
    out: "n\r\n1\r\n",
    err: "",
  });
  const ambiguous = await zeroetl("query", sql);
  expect([ambiguous.status, ambiguous.err]).toEqual([
    1,
    "zeroetl: There are several targets: test, more-0. Name one of them with --target.\n",
  ]);
  const unknown = await zeroetl("query", "--target", "nowhere", sql);
  expect(unknown.err).toMatch(/There is no target "nowhere"; there are: test, more-0\./);
});
