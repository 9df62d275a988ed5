import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TemporaryDirectory } from "../../../test/support/temporary.ts";
import { DemoDirectory } from "./demo-directory.ts";

test("a demo's directory is emptied of an earlier demo's leftovers, and removed at the end", async () => {
  await using parent = await TemporaryDirectory.make();
  const path = join(parent.path, "demo");
  {
    await using _directory = await DemoDirectory.take(path);
    await expect(DemoDirectory.take(path)).rejects.toMatchObject({ code: "DATA_DIRECTORY_LOCKED" });
  }
  expect(existsSync(path)).toBe(false);
  // As after kill -9.
  await mkdir(join(path, ".demo"), { recursive: true });
  await mkdir(join(path, "catalog"));
  await writeFile(join(path, ".demo", "server"), join(parent.path, "gone"));
  await using _again = await DemoDirectory.take(path);
  expect(await readdir(path)).toEqual([".demo"]);
});

test("a directory with anything else in it is refused and left alone", async () => {
  await using directory = await TemporaryDirectory.make();
  await writeFile(join(directory.path, "thesis.txt"), "");
  await expect(DemoDirectory.take(directory.path)).rejects.toThrow(/has files that are not a demo's/);
  expect(await readdir(directory.path)).toEqual(["thesis.txt"]);
});
