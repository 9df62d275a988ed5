import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { built } from "../support/built.ts";
import { ClientPage } from "../support/client-page.ts";
import { requireClient, requireTerraform } from "../support/clients.ts";
import { Command } from "../support/command.ts";
import { freePort, TestPostgres } from "../support/postgres.ts";
import { TemporaryDirectory } from "../support/temporary.ts";

const packages = fileURLToPath(new URL("../../node_modules/@aws-sdk", import.meta.url));

/** A directory as the pages take it for granted: `npx zeroetl` works in it, and so does the README's configuration. */
async function prepare(path: string, { url, port }: { url: string; port: number }): Promise<void> {
  const configuration = `
listen:
  api: 127.0.0.1:${port}
sources:
  - name: shop
    engine: postgres
    url: ${url}
targets:
  - name: analytics
    engine: duckdb
`;
  await writeFile(join(path, "zeroetl.yaml"), configuration, { mode: 0o600 });
  await mkdir(join(path, "node_modules", ".bin"), { recursive: true });
  const program = `#!/bin/sh\nexec '${process.execPath}' '${await built()}' "$@"\n`;
  await writeFile(join(path, "node_modules", ".bin", "zeroetl"), program, { mode: 0o700 });
  await symlink(packages, join(path, "node_modules", "@aws-sdk"));
}

async function startShop(server: TestPostgres): Promise<void> {
  await server.run("CREATE DATABASE shop");
  const statements = [
    "CREATE TABLE orders (id int PRIMARY KEY)",
    "INSERT INTO orders VALUES (1), (2), (3)",
    "CREATE TABLE customers (id int PRIMARY KEY)",
  ];
  await server.run(statements, "shop");
}

/** Pastes a page into a shell beside a service that runs: what each step prints is what the page says. */
async function expectAsWritten(name: string, environment: Readonly<Record<string, string>>): Promise<void> {
  const page = await ClientPage.read(name);
  expect(page.lines.filter((line) => line.length > 80)).toEqual([]);
  await using server = await TestPostgres.start();
  await startShop(server);
  await using directory = await TemporaryDirectory.make();
  const { path } = directory;
  const port = await freePort();
  await prepare(path, { url: server.url("shop"), port });
  await using service = (await Command.start(["serve"], { directory: path })).read();
  const endpoint = `http://127.0.0.1:${port}`;
  await service.says(new RegExp(endpoint));
  const printed = await page.run(path, { AWS_ENDPOINT_URL: endpoint, ...environment });
  expect(printed).toEqual(page.steps.map(({ output }) => output ?? ""));
  service.process.kill("SIGTERM");
  expect((await service.end()).status).toBe(0);
}

/** Nothing of this machine's own AWS configuration. */
const environment = {
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
};

test("docs/clients/aws-cli.md does what it says", async (context) => {
  requireClient(context, "AWS CLI");
  await expectAsWritten("aws-cli.md", environment);
});

test("docs/clients/boto3.md does what it says", async (context) => {
  requireClient(context, "boto3");
  await expectAsWritten("boto3.md", environment);
});

test("docs/clients/sdk-javascript.md does what it says", async () => {
  await expectAsWritten("sdk-javascript.md", environment);
});

test("docs/clients/terraform.md does what it says", async (context) => {
  const mirror = requireTerraform(context);
  await using directory = await TemporaryDirectory.make();
  const file = join(directory.path, "terraform.rc");
  await writeFile(
    file,
    `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`,
  );
  await expectAsWritten("terraform.md", {
    ...environment,
    TF_CLI_CONFIG_FILE: file,
    CHECKPOINT_DISABLE: "1",
  });
}, 600_000);
