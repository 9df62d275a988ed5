import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TypeScriptChild } from "../../test/support/child.ts";
import { DirectoryLock } from "./directory-lock.ts";

const child = new URL("../../test/children/lock-directory.ts", import.meta.url);
const locked = { code: "DATA_DIRECTORY_LOCKED" };

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "zeroetl-lock-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

test("one owner at a time, and the next one after it", async () => {
  for (let round = 0; round < 3; round += 1) {
    await using _lock = await DirectoryLock.take(join(directory, "made"));
    await expect(DirectoryLock.take(join(directory, "made"))).rejects.toMatchObject(locked);
  }
  // A link for the number that was reached; nothing piles up.
  expect(await readdir(join(directory, "made"))).toEqual(["lock.3"]);
});

test("of many who ask at once exactly one gets it, whatever an earlier owner left", async () => {
  for (let round = 0; round < 20; round += 1) {
    const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => DirectoryLock.take(directory)));
    const won = attempts.flatMap((attempt) => (attempt.status === "fulfilled" ? [attempt.value] : []));
    const lost = attempts.flatMap((attempt) =>
      attempt.status === "rejected" ? [attempt.reason as unknown] : [],
    );
    expect(won).toHaveLength(1);
    for (const reason of lost) expect(reason).toMatchObject(locked);
    await won[0]?.[Symbol.asyncDispose]();
  }
});

test("a process that was killed holds nothing, and of many that start then one gets it", async () => {
  for (let round = 0; round < 3; round += 1) {
    await using owner = TypeScriptChild.start(child, directory);
    expect(await owner.line()).toBe("locked");
    await expect(DirectoryLock.take(directory)).rejects.toMatchObject(locked);
    await owner.kill();
    const starters = Array.from({ length: 4 }, () => TypeScriptChild.start(child, directory));
    const said = await Promise.all(starters.map((starter) => starter.line()));
    expect(said.filter((line) => line === "locked")).toHaveLength(1);
    expect(said.filter((line) => line === locked.code)).toHaveLength(3);
    for (const starter of starters) await starter.kill();
  }
  await using _lock = await DirectoryLock.take(directory);
});

test.runIf(process.platform === "linux")("a path longer than a socket's is fine", async () => {
  const deep = join(directory, ...Array.from({ length: 12 }, () => "a-rather-long-name"));
  await mkdir(deep, { recursive: true });
  await using _lock = await DirectoryLock.take(deep);
  await expect(DirectoryLock.take(deep)).rejects.toMatchObject(locked);
});

test("a path that cannot be a directory is an error with a fix", async () => {
  await writeFile(join(directory, "file"), "");
  await expect(DirectoryLock.take(join(directory, "file"))).rejects.toMatchObject({ code: "DATA_DIRECTORY" });
  await expect(DirectoryLock.take(join(directory, "file", "x"))).rejects.toMatchObject({
    code: "DATA_DIRECTORY",
  });
});

test("two directories have nothing to do with each other", async () => {
  await using _first = await DirectoryLock.take(join(directory, "a"));
  await using _second = await DirectoryLock.take(join(directory, "b"));
});
