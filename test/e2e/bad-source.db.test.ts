import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../support/command.ts";
import { freePort, TestPostgres } from "../support/postgres.ts";
import { ServiceProcess } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { until } from "../support/until.ts";

/** Waits for an entry of `Errors` and gives its message. */
async function errorOf(service: ServiceProcess, code: string): Promise<string> {
  return until(`Errors has ${code}`, async () => {
    const { Errors } = await service.describe();
    return Errors?.find((error) => error.ErrorCode === code)?.ErrorMessage;
  });
}

interface BadSource {
  readonly name: string;
  readonly code: string;
  readonly says: RegExp;
  readonly settings?: Record<string, string>;
  readonly url: (server: TestPostgres) => Promise<string> | string;
  readonly filter?: string;
}

const cases: readonly BadSource[] = [
  {
    name: "a wrong password",
    code: "SOURCE_AUTHENTICATION",
    says: /password/,
    url: (server) => server.url().replace("secret", "wrong-password"),
  },
  {
    name: "an unreachable host",
    code: "SOURCE_UNREACHABLE",
    says: /port/,
    url: async (server) => server.url().replace(`:${server.port}`, `:${await freePort()}`),
  },
  {
    name: "wal_level = replica",
    code: "WAL_LEVEL",
    says: /wal_level = logical/,
    settings: { wal_level: "replica" },
    url: (server) => server.url(),
  },
  {
    name: "a missing table",
    code: "TABLE_MISSING",
    says: /public\.absent/,
    url: (server) => server.url(),
    filter: "include: postgres.public.absent",
  },
];

test.each(cases)(
  "$name leads to a status, an entry in Errors and a line of check that name the fix",
  async (bad) => {
    await using server = await TestPostgres.start({ settings: bad.settings ?? {} });
    await using directory = await TemporaryDirectory.make();
    await server.run("CREATE TABLE present (id int PRIMARY KEY)");
    await using service = await ServiceProcess.start({
      directory: directory.path,
      sourceUrl: await bad.url(server),
    });
    await service.create(bad.filter ?? "include: postgres.public.present");
    const message = await errorOf(service, bad.code);
    expect(message).toMatch(bad.says);
    const { Status } = await service.describe();
    expect(["creating", "needs_attention"]).toContain(Status);
    const check = await run(["check", "--config", join(directory.path, "zeroetl.yaml")], {
      directory: directory.path,
    });
    const line = check.out.split("\n").find((each) => each.includes(` ${bad.code} `));
    expect(line).toMatch(/Fix: ./);
    expect(line).toMatch(bad.says);
    expect(message + service.log + check.out + check.err).not.toMatch(/wrong-password|secret/);
    await service.remove();
  },
);

test("a source that is fixed is replicated without a change to the integration", async () => {
  await using server = await TestPostgres.start();
  await using directory = await TemporaryDirectory.make();
  await server.run(["CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)"]);
  await using service = await ServiceProcess.start({ directory: directory.path, sourceUrl: server.url() });
  await service.create("include: postgres.public.*");
  expect(await errorOf(service, "TABLE_WITHOUT_KEY")).toMatch(/primary key/);
  expect((await service.status("needs_attention")).Errors).toHaveLength(1);
  await server.run("ALTER TABLE t ADD PRIMARY KEY (id)");
  expect((await service.status("active")).Errors).toEqual([]);
  expect(await service.query("SELECT id FROM postgres.public.t")).toEqual([["1"]]);
});

test("after a restart with the source down, status still shows the tables", async () => {
  await using server = await TestPostgres.start();
  await using directory = await TemporaryDirectory.make();
  await server.run(["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
  const options = { directory: directory.path, sourceUrl: server.url() };
  {
    await using service = await ServiceProcess.start(options);
    await service.create("include: postgres.public.*");
    await service.status("active");
  }
  await server.stop();
  await using service = await ServiceProcess.start(options);
  await errorOf(service, "SOURCE_UNREACHABLE");
  const status = await run(["status", "--config", join(directory.path, "zeroetl.yaml")], options);
  expect(status.out).toMatch(/ public\.t +Synced +1\n/);
  await server.start();
  await service.status("active");
});
