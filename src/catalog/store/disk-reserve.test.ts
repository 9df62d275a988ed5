import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { requireSmallDisk, SmallDisk } from "../../../test/support/small-disk.ts";
import { TemporaryDirectory } from "../../../test/support/temporary.ts";

test("the catalog writes on when another program has filled its disk, and takes its reserve again", async (context) => {
  requireSmallDisk(context);
  await using directory = await TemporaryDirectory.make();
  const disk = await SmallDisk.at(directory.path, 200);
  const script = ["--import", "./test/support/typescript.mjs", "test/children/fill-catalog-disk.ts"];
  const [command, ...parameters] = [...disk.command, process.execPath, ...script, directory.path] as const;
  const { stdout, stderr } = spawnSync(command, parameters, { encoding: "utf8", timeout: 90_000 });
  expect(stdout, stderr).not.toBe("");
  const bytes = 32 * 1024 ** 2;
  expect(JSON.parse(stdout)).toEqual({
    rows: [{ count: 100, shortest: 64_000 }],
    before: bytes,
    full: 0,
    after: bytes,
  });
}, 100_000);
