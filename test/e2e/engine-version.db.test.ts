import { DescribeDBInstancesCommand } from "@aws-sdk/client-rds";
import { expect, test, vi } from "vitest";
import { TestPostgres } from "../support/postgres.ts";
import { ServiceProcess } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";

// A server, and a service in a process of its own, twice.
vi.setConfig({ testTimeout: 300_000 });

async function versionShown({ rds }: ServiceProcess): Promise<string | undefined> {
  const { DBInstances } = await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: "test" }));
  return DBInstances?.[0]?.EngineVersion;
}

test("the version of a server is shown once it was reached, and still when server and integration are gone", async () => {
  await using server = await TestPostgres.start({ version: 15 });
  await using directory = await TemporaryDirectory.make();
  await server.run("CREATE TABLE orders (id int PRIMARY KEY)");
  const [shown] = await server.rows<{ server_version: string }>("SHOW server_version");
  const options = { directory: directory.path, sourceUrl: server.url() };
  {
    await using service = await ServiceProcess.start(options);
    expect(await versionShown(service)).toBeUndefined();
    await service.create("include: postgres.public.*");
    await service.status("active");
    expect(await versionShown(service)).toBe(shown?.server_version);
    await service.remove();
  }
  await server.stop();
  await using service = await ServiceProcess.start(options);
  expect(await versionShown(service)).toBe(shown?.server_version);
});
