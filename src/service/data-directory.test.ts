import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TemporaryDirectory } from "../../test/support/temporary.ts";
import {
  ensureCredentials,
  ensureSealingKey,
  makeDataDirectory,
  readCredentials,
  readServiceRecord,
  removeServiceRecord,
  writeServiceRecord,
} from "./data-directory.ts";

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

test("a key is made once, and nobody else can read it", async () => {
  await using directory = await TemporaryDirectory.make();
  const data = join(directory.path, "deep", "data");
  await makeDataDirectory(data);
  expect(await modeOf(data)).toBe(0o700);
  const [made] = await ensureCredentials(data);
  expect(made?.accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
  expect(made?.secretAccessKey.reveal()).toHaveLength(40);
  const file = join(data, "credentials.json");
  expect(await modeOf(file)).toBe(0o600);
  await chmod(file, 0o644);
  const [found] = await ensureCredentials(data);
  expect(found?.secretAccessKey.reveal()).toBe(made?.secretAccessKey.reveal());
  expect(await modeOf(file)).toBe(0o600);
});

test("a sealing key is made once, and nobody else can read it; a damaged one is not replaced", async () => {
  await using directory = await TemporaryDirectory.make();
  const made = await ensureSealingKey(directory.path);
  expect(made).toHaveLength(32);
  const file = join(directory.path, "sealing-key.json");
  expect(await modeOf(file)).toBe(0o600);
  await chmod(file, 0o644);
  expect(await ensureSealingKey(directory.path)).toEqual(made);
  expect(await modeOf(file)).toBe(0o600);
  await writeFile(file, '{"key":"abc"}');
  await expect(ensureSealingKey(directory.path)).rejects.toThrow(/damaged; restore it from a backup/);
});

test("a damaged file is refused without quoting it", async () => {
  await using directory = await TemporaryDirectory.make();
  await writeFile(join(directory.path, "credentials.json"), '{"credentials":[{"secret_access_key":"hunter2');
  await expect(readCredentials(directory.path)).rejects.toThrow(/credentials\.json is damaged/);
  await expect(readCredentials(directory.path)).rejects.not.toThrow(/hunter2/);
});

test("a directory that cannot be made is refused with the reason", async () => {
  await using directory = await TemporaryDirectory.make();
  await writeFile(join(directory.path, "file"), "");
  await expect(makeDataDirectory(join(directory.path, "file", "data"))).rejects.toThrow(
    /cannot be used \(ENOTDIR\)/,
  );
});

test("the running service is found by its record, until it is removed", async () => {
  await using directory = await TemporaryDirectory.make();
  expect(await readServiceRecord(directory.path)).toBeUndefined();
  const record = { api: "http://127.0.0.1:5440", pid: 1, region: "us-east-1" };
  await writeServiceRecord(directory.path, record);
  expect(await readServiceRecord(directory.path)).toEqual(record);
  expect(JSON.parse(await readFile(join(directory.path, "service.json"), "utf8"))).toEqual(record);
  await removeServiceRecord(directory.path);
  expect(await readServiceRecord(directory.path)).toBeUndefined();
});
