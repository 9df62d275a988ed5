import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { TestPostgres } from "../support/postgres.ts";
import { ServiceProcess, sourceArnOf } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { until } from "../support/until.ts";

// A server, and a service in a process of its own.
vi.setConfig({ testTimeout: 300_000 });

test("SIGHUP takes up another password and new sources, and refuses what needs a restart", async () => {
  await using server = await TestPostgres.start();
  await using directory = await TemporaryDirectory.make();
  await server.run([
    "CREATE TABLE orders (id int PRIMARY KEY)",
    "CREATE ROLE replicator SUPERUSER LOGIN PASSWORD 'first'",
  ]);
  const url = (password: string): string => {
    const made = new URL(server.url());
    made.username = "replicator";
    made.password = password;
    return made.href;
  };
  await using service = await ServiceProcess.start({ directory: directory.path, sourceUrl: url("first") });
  const file = join(directory.path, "zeroetl.yaml");
  const written = await readFile(file, "utf8");
  const reload = async (text: string, said: RegExp): Promise<void> => {
    await writeFile(file, text);
    process.kill(service.pid, "SIGHUP");
    await until(`the log says ${said.source}`, () => said.test(service.log));
  };
  await service.create("include: postgres.public.*");
  await service.status("active");

  await server.run(["ALTER ROLE replicator PASSWORD 'second'", "INSERT INTO orders VALUES (1)"]);
  await server.run(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'replicator' AND backend_type <> 'parallel worker'",
  );
  await until("the stream is refused", async () =>
    JSON.stringify((await service.describe()).Errors).includes("SOURCE_AUTHENTICATION"),
  );
  const corrected = written.replace(url("first"), url("second"));
  await reload(corrected, /"changed":\["test"\].*The configuration was reloaded/);
  await service.status("active");
  expect(service.log).not.toContain("second");
  expect(service.log).toContain("The stream is connected and begins with a copy of the tables");
  expect(service.log).toContain("The stream is connected and continues after what the warehouse holds");

  const arn = sourceArnOf("more");
  await expect(service.create("include: postgres.*.*", "more", { SourceArn: arn })).rejects.toThrow();
  const grown = corrected.replace(
    "targets:",
    `  - { name: more, engine: postgres, url: "${url("second")}" }\ntargets:`,
  );
  await reload(grown, /"added":\["more"\]/);
  await service.create("include: postgres.*.*", "more", { SourceArn: arn });
  await service.status("active", { name: "more" });
  await server.run("INSERT INTO orders VALUES (2)");
  await until("both streams run", async () => {
    const counts = await service.query(
      "SELECT (SELECT count(*) FROM postgres.public.orders), (SELECT count(*) FROM more_postgres.public.orders)",
    );
    return counts.flat().join() === "2,2";
  });

  await reload(
    grown.replace("quotas:", "region: eu-west-1\nquotas:"),
    /Only `sources` can be changed while the service runs, and region changed as well: restart the service\./,
  );
  await reload("sources: {", /zeroetl\.yaml:\d+: this is not valid YAML.*was not reloaded/);
  await reload(corrected, /"removed":\["more"\]/);
  await service.status("needs_attention", { name: "more" });
  expect((await service.describe()).Status).toBe("active");
});
