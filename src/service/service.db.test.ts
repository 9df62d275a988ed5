import { join } from "node:path";
import { expect, test } from "vitest";
import { configurationOf } from "../../test/support/configuration.ts";
import { TestPostgres } from "../../test/support/postgres.ts";
import { TemporaryDirectory } from "../../test/support/temporary.ts";
import { setLogLevel } from "../base/log.ts";
import { Service } from "./service.ts";

setLogLevel("silent");

test("a second service on the same catalog is refused, and the first one goes on", async () => {
  await using server = await TestPostgres.start({ version: 16 });
  await using directory = await TemporaryDirectory.make();
  const never = new AbortController().signal;
  const on = (name: string) =>
    configurationOf({
      data_dir: join(directory.path, name),
      listen: { api: "127.0.0.1:0" },
      catalog: server.url(),
      targets: [{ name: "analytics", engine: "duckdb" }],
    });
  {
    await using first = await Service.start(await on("a"), never);
    await expect(Service.start(await on("b"), never)).rejects.toMatchObject({ code: "CATALOG_LOCKED" });
    expect((await fetch(`${first.api}/healthz`)).status).toBe(200);
  }
  await using _second = await Service.start(await on("b"), never);
});
