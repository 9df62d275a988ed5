import { execFile } from "node:child_process";
import { cp, mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TemporaryDirectory } from "../support/temporary.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

let directory: TemporaryDirectory;
/** A checkout, installed without development dependencies. */
let checkout: string;

beforeAll(async () => {
  directory = await TemporaryDirectory.make();
  checkout = join(directory.path, "checkout");
  const { stdout } = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
  });
  for (const file of stdout.split("\0").filter(Boolean)) {
    await mkdir(dirname(join(checkout, file)), { recursive: true });
    await cp(join(root, file), join(checkout, file));
  }
  await run("npm", ["ci", "--omit=dev", "--prefer-offline"], { cwd: checkout });
});

afterAll(() => directory[Symbol.asyncDispose]());

test("a checkout works without development dependencies, and is called by npx", async () => {
  const { stdout } = await run("npx", ["zeroetl", "--version"], { cwd: checkout });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const failed = await run("npx", ["zeroetl", "status"], { cwd: checkout }).catch((error: unknown) => error);
  expect((failed as { stderr: string }).stderr).toContain("Start it with `npx zeroetl serve`.");
});

test("the package holds the program alone, and works where it is installed", async () => {
  const { stdout } = await run("npm", ["pack", "--json", "--ignore-scripts"], { cwd: checkout });
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  const paths = packed?.files.map(({ path }) => path) ?? [];
  expect(paths).toContain("dist/src/main.js");
  expect(paths.filter((path) => !/^(bin|dist\/src)\/[^.]+\.c?js$/.test(path)).toSorted()).toEqual([
    "LICENSE",
    "README.md",
    "package.json",
  ]);

  await run("tar", ["-xzf", join(checkout, packed?.filename ?? ""), "-C", directory.path]);
  const installed = join(directory.path, "package");
  await symlink(join(checkout, "node_modules"), join(installed, "node_modules"));
  const bin = join(directory.path, "bin");
  await mkdir(bin);
  await symlink(join(installed, "bin/zeroetl.cjs"), join(bin, "zeroetl"));
  // oxlint-disable-next-line node/no-process-env -- the program is found in the path
  const env = { PATH: `${bin}:${process.env["PATH"]}` };
  const failed = await run("zeroetl", ["status"], { cwd: directory.path, env }).catch(
    (error: unknown) => error,
  );
  expect((failed as { stderr: string }).stderr).toContain("Start it with `zeroetl serve`.");
});
