import { DeleteIntegrationCommand, DescribeIntegrationsCommand, RDSClient } from "@aws-sdk/client-rds";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { built } from "../../test/support/built.ts";
import { Command, run } from "../../test/support/command.ts";
import { TemporaryDirectory } from "../../test/support/temporary.ts";
import { until } from "../../test/support/until.ts";

// Programs are built and started, a whole service among them.
vi.setConfig({ testTimeout: 300_000 });

/** A service without sources, on a free port. */
async function startService(directory: string): Promise<Command> {
  await writeFile(
    join(directory, "zeroetl.yaml"),
    "data_dir: ./data\nlisten: { api: 127.0.0.1:0 }\ntargets:\n  - { name: analytics, engine: duckdb }\n",
  );
  const service = await Command.start(["serve"], { directory });
  service.read();
  await service.says(/The service listens/);
  return service;
}

test("help is complete, short enough for a page, and exits with 0", async () => {
  await using directory = await TemporaryDirectory.make();
  const options = { directory: directory.path };
  const { status, out } = await run(["--help"], options);
  expect(status).toBe(0);
  for (const command of ["demo", "serve", "check", "create", "status", "query", "verify", "keys"]) {
    expect(out).toContain(`\n  ${command} `);
    const own = await run([command, "--help"], options);
    expect(own.status).toBe(0);
    expect(own.out).toContain("--data-dir");
    if (command !== "keys") expect(own.out).toMatch(new RegExp(`Examples:\n  node \\S+ ${command}\\b`));
  }
  expect(out.split("\n").length).toBeLessThan(40);
  expect((await run(["--version"], options)).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test.each([
  ["an unknown command", ["nonsense"], /unknown command 'nonsense'/],
  ["no command", [], /Usage: zeroetl/],
  ["an unknown flag", ["status", "--colour"], /unknown option '--colour'/],
  ["a missing argument", ["verify"], /missing required argument 'integration'/],
  ["a group without a command", ["keys"], /Usage: zeroetl keys/],
  ["an unknown command of a group", ["keys", "nonsense"], /unknown command 'nonsense'/],
  ["too many arguments", ["verify", "a", "b"], /too many arguments/],
  ["a number that is none", ["demo", "--rows", "many"], /It must be a whole number from 100/],
])("%s is wrong usage: exit 2", async (_what, parameters, sentence) => {
  await using directory = await TemporaryDirectory.make();
  const { status, err } = await run(parameters, { directory: directory.path });
  expect(status).toBe(2);
  expect(err).toMatch(sentence);
});

test.each([
  [
    "a missing configuration",
    undefined,
    /^zeroetl: there is no configuration file zeroetl\.yaml\. Create one as the README shows/,
  ],
  [
    "a wrong one",
    "colour: blue",
    /^zeroetl: zeroetl\.yaml:1: unknown setting "colour"; allowed here: account/,
  ],
  [
    "an engine that is not there yet",
    "sources:\n  - { name: a, engine: mysql, url: 'mysql://h/d' }",
    /^zeroetl: zeroetl\.yaml:2: sources\[0\]\.engine must be one of postgres, aurora-postgresql/,
  ],
])("%s is told in one line: exit 1", async (_what, text, sentence) => {
  await using directory = await TemporaryDirectory.make();
  if (text !== undefined) await writeFile(join(directory.path, "zeroetl.yaml"), text);
  for (const command of ["serve", "check"]) {
    const { status, err } = await run([command], { directory: directory.path });
    expect(status).toBe(1);
    expect(err).toMatch(sentence);
    expect(err.trim().split("\n")).toHaveLength(1);
  }
});

test("without a service, its clients say how to start one", async () => {
  await using directory = await TemporaryDirectory.make();
  for (const parameters of [
    ["status"],
    ["events"],
    ["query", "SELECT 1"],
    ["verify", "x"],
    ["keys", "list"],
  ]) {
    const { status, err } = await run(parameters, { directory: directory.path });
    expect(status).toBe(1);
    expect(err).toMatch(
      /^zeroetl: No service runs on the data directory .*zeroetl-data\. Start it with `node \S+zeroetl\.cjs serve`\.\n$/,
    );
  }
});

test("a service answers status, queries in three formats, and stops in order", async () => {
  await using directory = await TemporaryDirectory.make();
  const options = { directory: directory.path };
  await using service = await startService(directory.path);
  expect((await run(["status"], options)).out).toMatch(/There are no integrations\./);
  const status = JSON.parse((await run(["status", "--json"], options)).out) as Record<string, unknown>;
  expect(status).toMatchObject({
    integrations: [],
    sources: [],
    targets: [{ name: "analytics", databases: ["dev"] }],
  });
  const sql = "SELECT 1 AS one, NULL AS none, 'a,\"b' AS text, true AS yes";
  expect((await run(["query", sql], options)).out).toBe(
    'one  none  text  yes\n  1  NULL  a,"b  true\n(1 row)\n',
  );
  expect((await run(["query", "--csv", sql], options)).out).toBe('one,none,text,yes\r\n1,,"a,""b",true\r\n');
  expect((await run(["query", sql], { ...options, variables: { ZEROETL_JSON: "1" } })).out).toBe(
    '[\n{"one":1,"none":null,"text":"a,\\"b","yes":true}\n]\n',
  );
  const nested = `SELECT [1, NULL] AS l, {'a': 1.50, 'b': 'x"'} AS s, MAP {'k': 2} AS m, '{"a": [1]}'::JSON AS j, '[1' AS t`;
  expect((await run(["query", "--json", nested], options)).out).toBe(
    '[\n{"l":[1,null],"s":{"a":"1.50","b":"x\\""},"m":{"k":2},"j":{"a": [1]},"t":"[1"}\n]\n',
  );
  const plan = (await run(["query", "EXPLAIN SELECT 1"], options)).out;
  expect(plan.split("\n").length).toBeGreaterThan(5);
  expect(plan).not.toContain("\\n");
  await writeFile(join(directory.path, "q.sql"), "SELECT 7 AS seven -- from a file\n;\n");
  const file = join(directory.path, "q.sql");
  expect((await run(["query", "--csv", "--file", file], options)).out).toBe("seven\r\n7\r\n");
  expect((await run(["query", "--file", file, "SELECT 1"], options)).err).toMatch(/not both/);
  expect((await run(["query", "--file", `${file}.absent`], options)).err).toMatch(/cannot be read: ENOENT/);
  expect((await run(["query", "-"], options)).err).toMatch(/There is no statement to run/);
  const many = await run(["query", "--csv", "SELECT range FROM range(200000)"], options);
  expect(many.out.split("\r\n")).toHaveLength(200_002);
  const wrong = await run(["query", "SELECT nonsense"], options);
  expect(wrong.status).toBe(1);
  expect(wrong.err).toMatch(/^zeroetl: .*nonsense.*\n$/);
  expect((await run(["verify", "absent"], options)).err).toMatch(/There is no integration with this name/);

  service.process.kill("SIGTERM");
  const { status: exit, err } = await service.end();
  expect(exit).toBe(0);
  expect(err).toMatch(/The service has stopped/);
  await expect(readFile(join(directory.path, "data", "service.json"))).rejects.toThrow(/ENOENT/);
});

test("keys are made with a policy, listed, rotated and disabled while the service runs", async () => {
  await using directory = await TemporaryDirectory.make();
  const options = { directory: directory.path };
  await using _service = await startService(directory.path);
  await writeFile(
    join(directory.path, "reader.json"),
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"rds:Describe*","Resource":"*"}}',
  );
  const made = await run(["keys", "create", "reader", "--policy", "reader.json"], options);
  expect(made).toMatchObject({ status: 0, err: "" });
  const [, id = "", secret = ""] =
    /^AWS_ACCESS_KEY_ID=(AKIA\w{16})\nAWS_SECRET_ACCESS_KEY=([\w-]{40})\n$/.exec(made.out) ?? [];
  const { api } = JSON.parse(await readFile(join(directory.path, "data", "service.json"), "utf8")) as {
    api: string;
  };
  const credentials = { accessKeyId: id, secretAccessKey: secret };
  const rds = new RDSClient({ endpoint: api, region: "us-east-1", credentials, maxAttempts: 1 });
  const describeAll = (): Promise<unknown> => rds.send(new DescribeIntegrationsCommand({}));
  expect(await describeAll()).toMatchObject({ Integrations: [] });
  await expect(rds.send(new DeleteIntegrationCommand({ IntegrationIdentifier: "x" }))).rejects.toThrow(
    "User: arn:aws:iam::000000000000:user/reader is not authorized to perform: rds:DeleteIntegration on resource: " +
      "arn:aws:rds:us-east-1:000000000000:integration:x because no identity-based policy allows",
  );

  const { out } = await run(["keys", "list"], options);
  expect(out).toMatch(
    new RegExp(`\n${id} +reader +enabled +by its policy +20\\d\\d-\\d\\d-\\d\\d\n\\(2 keys\\)\n$`),
  );
  expect(out).not.toContain(secret);
  const rotated = JSON.parse((await run(["keys", "rotate", id, "--json"], options)).out) as { user: string };
  expect(rotated).toMatchObject({ user: "reader" });
  expect(await run(["keys", "disable", id], options)).toEqual({ status: 0, out: "", err: "" });
  await expect(describeAll()).rejects.toThrow("The security token included in the request is invalid.");
  expect(await run(["keys", "enable", id], options)).toMatchObject({ status: 0 });
  await describeAll();
  expect(await run(["keys", "delete", id], options)).toMatchObject({ status: 0 });
  rds.destroy();

  const again = await run(["keys", "delete", id], options);
  expect(again).toMatchObject({
    status: 1,
    err: expect.stringMatching(/^zeroetl: There is no access key with this id/),
  });
  await writeFile(join(directory.path, "wrong.json"), '{"Statement":\n{"Effect":"Permit"}}');
  const wrong = await run(["keys", "create", "x", "--policy", "wrong.json"], options);
  expect(wrong).toMatchObject({
    status: 1,
    err: expect.stringMatching(
      /^zeroetl: wrong\.json:2: Statement\.Effect must be Allow or Deny\. Correct the policy\./,
    ),
  });
});

test("--config, --data-dir and their variables lead to the same service", async () => {
  await using directory = await TemporaryDirectory.make();
  await using elsewhere = await TemporaryDirectory.make();
  await using _service = await startService(directory.path);
  const config = join(directory.path, "zeroetl.yaml");
  const data = join(directory.path, "data");
  for (const [flags, variables] of [
    [["--config", config], {}],
    [["--data-dir", data], {}],
    [[], { ZEROETL_CONFIG: config }],
    [[], { ZEROETL_DATA_DIR: data }],
  ] as const)
    expect((await run(["status", ...flags], { directory: elsewhere.path, variables })).status).toBe(0);
});

test("a second service on one data directory is refused, and so is a port in use", async () => {
  await using directory = await TemporaryDirectory.make();
  await using service = await startService(directory.path);
  const second = await run(["serve"], { directory: directory.path });
  expect(second.status).toBe(1);
  expect(second.err).toMatch(
    /zeroetl: The directory .* is in use by another process \(pid \d+\)\. Stop the other/,
  );
  expect(second.err).toContain(`(pid ${service.process.pid})`);
  expect(service.hasEnded).toBe(false);

  await using other = await TemporaryDirectory.make();
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await writeFile(join(other.path, "zeroetl.yaml"), `listen: { api: 127.0.0.1:${port} }`);
  const refused = await run(["serve"], { directory: other.path });
  server.close();
  expect(refused.status).toBe(1);
  expect(refused.err).toMatch(
    new RegExp(`The address 127\\.0\\.0\\.1:${port} of listen\\.api is in use by another program\\.`),
  );
});

test("a killed service leaves a record, and its clients say that nobody answers", async () => {
  await using directory = await TemporaryDirectory.make();
  await using service = await startService(directory.path);
  await service[Symbol.asyncDispose]();
  const { status, err } = await run(["status"], { directory: directory.path });
  expect(status).toBe(1);
  expect(err).toMatch(/No service answers at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\)\. Start it with/);
  await using again = await startService(directory.path);
  expect((await run(["status"], { directory: directory.path })).status).toBe(0);
  expect(again.hasEnded).toBe(false);
});

test("a slow reader of a query does not hold up a stop for long, and a second signal ends the service at once", async () => {
  await using directory = await TemporaryDirectory.make();
  await using service = await startService(directory.path);
  await using slow = await Command.start(["query", "--csv", "SELECT range FROM range(1000000000)"], {
    directory: directory.path,
  });
  await until(
    "the query runs",
    () => (slow.process.stdout?.readableLength ?? 0) > 0 || slow.process.stdout?.read(1) !== null,
  );
  service.process.kill("SIGTERM");
  await service.says(/The service stops/);
  service.process.kill("SIGTERM");
  expect((await service.end()).status).toBe(143);

  await using next = await startService(directory.path);
  await using slower = await Command.start(["query", "--csv", "SELECT range FROM range(1000000000)"], {
    directory: directory.path,
  });
  await until("the query runs", () => slower.process.stdout?.read(1) !== null);
  next.process.kill("SIGINT");
  expect((await next.end()).status).toBe(0);
});

test("a service that npm has started stops when npm has been ended", async () => {
  await using directory = await TemporaryDirectory.make();
  await writeFile(join(directory.path, "zeroetl.yaml"), "listen: { api: 127.0.0.1:0 }\n");
  const log = join(directory.path, "log");
  // npm signals the shell in which it runs a command, and that ends without passing the signal on.
  const command = `'${process.execPath}' '${await built()}' serve 2> '${log}'; true`;
  const shell = spawn("sh", ["-c", command], {
    cwd: directory.path,
    env: { npm_lifecycle_event: "npx" },
    stdio: "ignore",
  });
  const says = (sentence: string): Promise<boolean> =>
    until(`the service says: ${sentence}`, async () =>
      (await readFile(log, "utf8").catch(() => "")).includes(sentence),
    );
  await says("The service listens");
  shell.kill("SIGTERM");
  await says("The service has stopped");
});

test("a query that is interrupted is no failure of the service", async () => {
  await using directory = await TemporaryDirectory.make();
  await using service = await startService(directory.path);
  const { api } = JSON.parse(await readFile(join(directory.path, "data", "service.json"), "utf8")) as {
    api: string;
  };
  const busy = async (): Promise<number> => {
    const text = await (await fetch(`${api}/metrics`)).text();
    return Number(/^zeroetl_process_cpu_seconds_total (.+)$/m.exec(text)?.[1]);
  };
  const before = await busy();
  await using long = await Command.start(["query", "SELECT count(*) FROM range(1000000000000)"], {
    directory: directory.path,
  });
  await until("the query runs", async () => (await busy()) > before + 0.5);
  long.process.kill("SIGINT");
  expect(await long.end()).toEqual({ status: 1, out: "", err: "" });
  service.process.kill("SIGTERM");
  const { status, err } = await service.end();
  expect(status).toBe(0);
  expect(err).toMatch(/The service has stopped/);
  expect(err).not.toMatch(/a command failed/);
});

test("a reader that goes away ends a query without noise", async () => {
  await using directory = await TemporaryDirectory.make();
  await using _service = await startService(directory.path);
  const query = await Command.start(["query", "--csv", "SELECT range FROM range(100000000)"], {
    directory: directory.path,
  });
  await until("the query runs", () => query.process.stdout?.read(1) !== null);
  query.process.stdout?.destroy();
  expect(await query.end()).toMatchObject({ status: 0, err: "" });
});
