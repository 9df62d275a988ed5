import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { configurationOf } from "../../test/support/configuration.ts";
import { TemporaryDirectory } from "../../test/support/temporary.ts";
import { setLogLevel } from "../base/log.ts";
import type { Configuration } from "../config/config.ts";
import { Service } from "./service.ts";

setLogLevel("silent");

const never = new AbortController().signal;

async function configuration(directory: string, api = "127.0.0.1:0"): Promise<Configuration> {
  return configurationOf({
    data_dir: directory,
    listen: { api },
    targets: [{ name: "analytics", engine: "duckdb" }],
  });
}

test("a started service is healthy and measured; a stopped one has let go of everything", async () => {
  await using directory = await TemporaryDirectory.make();
  {
    await using service = await Service.start(await configuration(directory.path), never);
    const health = await fetch(`${service.api}/healthz`);
    expect([health.status, await health.json()]).toEqual([200, { ok: true }]);
    const metrics = await (await fetch(`${service.api}/metrics`)).text();
    expect(metrics).toContain("# TYPE zeroetl_lag_seconds gauge");
    expect(metrics).toMatch(/zeroetl_process_resident_memory_bytes \d+/);
    await expect(Service.start(await configuration(directory.path), never)).rejects.toMatchObject({
      code: "DATA_DIRECTORY_LOCKED",
    });
  }
  expect(await readdir(directory.path)).not.toContain("service.json");
  await using again = await Service.start(await configuration(directory.path), never);
  expect(again.credentials).toHaveLength(1);
});

test("a start that fails at its last step has let go of everything, too", async () => {
  await using directory = await TemporaryDirectory.make();
  await using other = await TemporaryDirectory.make();
  await using service = await Service.start(await configuration(directory.path), never);
  const taken = new URL(service.api).host;
  await expect(Service.start(await configuration(other.path, taken), never)).rejects.toMatchObject({
    code: "PORT_IN_USE",
  });
  await using next = await Service.start(await configuration(other.path), never);
  expect(next.api).not.toBe(service.api);
});

test("a warehouse that cannot be opened is told, and leaves the catalog free", async () => {
  await using directory = await TemporaryDirectory.make();
  await mkdir(join(directory.path, "warehouse"));
  await writeFile(join(directory.path, "warehouse", "analytics"), "not a directory");
  const start = async () => Service.start(await configuration(directory.path), never);
  await expect(start()).rejects.toMatchObject({
    code: "DATA_DIRECTORY",
    message: expect.stringMatching(/warehouse\/analytics cannot be made \(EEXIST\)/) as string,
  });
  await expect(start()).rejects.toMatchObject({ code: "DATA_DIRECTORY" });
});

test.each([
  ["64MB", "targets[0].memory must be a size of at least 256MB, such as 512MB, 1GB or 1.5GiB"],
  [1_000_000_000, "targets[0].memory must be a size of at least 256MB, such as 512MB, 1GB or 1.5GiB"],
])("DuckDB's setting memory cannot be %s", async (memory, message) => {
  const targets = [{ name: "analytics", engine: "duckdb", memory }];
  await expect(configurationOf({ targets })).rejects.toThrow(message);
});
