import { randomBytes } from "node:crypto";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { TemporaryDirectory } from "../../test/support/temporary.ts";
import { SecretBytes } from "../base/secret.ts";
import { IntegrationKeys } from "./integration-keys.ts";
import { keyOfText, readKeyFile } from "./key-material.ts";
import { LocalKeys, type LocalKey } from "./local-keys.ts";

const home = { account: "123456789012", region: "us-east-1" };
const prefix = `arn:aws:kms:${home.region}:${home.account}`;
const id = "1234abcd-12ab-34cd-56ef-1234567890ab";
const arn = `${prefix}:key/${id}`;
const never = new AbortController().signal;

function localKey(over: Partial<LocalKey> = {}): LocalKey {
  const key = new SecretBytes(randomBytes(32));
  return { id, aliases: ["alias/warehouse"], isEnabled: true, material: async () => key, ...over };
}

const other = localKey({ id: "99999999-12ab-34cd-56ef-1234567890ab", aliases: [], isEnabled: false });
const keys = new LocalKeys(home, [localKey(), other]);
const refused = (hint: string) => ({
  code: "KMS_KEY_NOT_ACCESSIBLE",
  isPassing: false,
  message: expect.stringContaining(hint),
});

test.each([id, arn, "alias/warehouse", `${prefix}:alias/warehouse`])("%s names the key", async (name) => {
  expect(await keys.resolve(name)).toBe(arn);
});

test.each([
  ["an unknown id", "00000000-12ab-34cd-56ef-1234567890ab", "does not exist"],
  ["an unknown alias", "alias/other", "does not exist"],
  ["another region", `arn:aws:kms:eu-west-1:${home.account}:key/${id}`, "not of account"],
  ["another account", `arn:aws:kms:${home.region}:999999999999:key/${id}`, "not of account"],
  [
    "an alias of another account",
    `arn:aws:kms:${home.region}:999999999999:alias/warehouse`,
    "not of account",
  ],
  ["another service", `arn:aws:rds:${home.region}:${home.account}:key/${id}`, "neither"],
  ["no name", "", "neither"],
  ["a path", "../../etc/passwd", "neither"],
  ["a very long name", "a".repeat(100_000), "neither"],
  ["a disabled key", other.id, "disabled"],
])("%s is not accessible", async (_, name, hint) => {
  await expect(keys.resolve(name)).rejects.toMatchObject(refused(hint));
});

test("a data key is unwrapped with the same key and context, in whatever order its pairs are, and with nothing else", async () => {
  const context = { a: "1", b: "2" };
  const bytes = await keys.newDataKey(arn, context);
  const unwrap = (change: object) =>
    keys.unwrap({ keyArn: arn, context, bytes, ...change }).then((key) => Buffer.from(key.reveal()));
  const dataKey = await unwrap({});
  expect(dataKey).toHaveLength(32);
  expect(await unwrap({ context: { b: "2", a: "1" } })).toEqual(dataKey);
  for (const wrong of [{}, { a: "1" }, { a: "1", b: "3" }, { ...context, c: "" }, { a: "1b", "": "2" }])
    await expect(unwrap({ context: wrong })).rejects.toMatchObject(refused("another encryption context"));
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Uint8Array.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await expect(unwrap({ bytes: changed })).rejects.toMatchObject(refused("other bytes"));
    await expect(unwrap({ bytes: bytes.subarray(0, at) })).rejects.toMatchObject(refused("other bytes"));
  }
  const stranger = new LocalKeys(home, [localKey()]);
  const attempt = stranger.unwrap({ keyArn: arn, context, bytes });
  await expect(attempt).rejects.toMatchObject(refused("other bytes"));
  await expect(unwrap({ keyArn: `${prefix}:key/${other.id}` })).rejects.toMatchObject(refused("disabled"));
});

test("each data key is another one", async () => {
  const make = async () => {
    const bytes = await keys.newDataKey(arn, {});
    return Buffer.from((await keys.unwrap({ keyArn: arn, context: {}, bytes })).reveal()).toString("hex");
  };
  expect(await make()).not.toBe(await make());
});

test("check says of each key whether it can be used, and blocks for one that should and cannot", async () => {
  const missing = localKey({
    id: "22222222-12ab-34cd-56ef-1234567890ab",
    material: () => readKeyFile("/nowhere/k"),
  });
  const findings = await new LocalKeys(home, [localKey(), other, missing]).check();
  expect(findings).toMatchObject([
    { severity: "fine", subject: arn },
    { severity: "warns", code: "KMS_KEY_NOT_ACCESSIBLE", message: "It is disabled." },
    { severity: "blocks", code: "KMS_KEY_NOT_ACCESSIBLE", message: expect.stringContaining("/nowhere/k") },
  ]);
});

describe("a key file", () => {
  const bytes = randomBytes(32);
  const forms = {
    bytes,
    hex: bytes.toString("hex"),
    "hex with a line break": `${bytes.toString("hex").toUpperCase()}\n`,
    base64: bytes.toString("base64"),
    "base64 with a line break": `${bytes.toString("base64")}\n`,
  };

  test.each(Object.entries(forms))("may hold %s", async (_, contents) => {
    await using directory = await TemporaryDirectory.make();
    const path = join(directory.path, "k");
    await writeFile(path, contents);
    expect(Buffer.from((await readKeyFile(path)).reveal())).toEqual(bytes);
  });

  test.each(["", "x".repeat(31), "x".repeat(33), "0".repeat(63), "x".repeat(100_000)])(
    "that holds something else is refused, and its contents are not shown",
    async (contents) => {
      await using directory = await TemporaryDirectory.make();
      const path = join(directory.path, "k");
      await writeFile(path, contents);
      const refusal = {
        ...refused("does not hold"),
        message: `Its file ${path} does not hold 32 bytes, or their hex or base64.`,
      };
      await expect(readKeyFile(path)).rejects.toMatchObject(refusal);
    },
  );

  test("that is taken away takes the key away, and brings it back", async () => {
    await using directory = await TemporaryDirectory.make();
    const path = join(directory.path, "k");
    await writeFile(path, bytes);
    await chmod(path, 0o600);
    const store = new LocalKeys(home, [localKey({ material: () => readKeyFile(path) })]);
    const wrapped = { keyArn: arn, context: {}, bytes: await store.newDataKey(arn, {}) };
    await rm(path);
    await expect(store.unwrap(wrapped)).rejects.toMatchObject(refused("ENOENT"));
    await writeFile(path, bytes);
    expect((await store.unwrap(wrapped)).reveal()).toHaveLength(32);
  });

  test("text of another length is no key", () => {
    expect(keyOfText(bytes.toString("base64").slice(0, -1))).toBeUndefined();
  });
});

describe("data keys of integrations", () => {
  const integration = { id: "i-1", kmsKeyId: arn, additionalEncryptionContext: { team: "data" } };
  const arnOf = (of: string): string => `arn:${of}`;
  const sealingKey = randomBytes(32);
  const dataKeys = new IntegrationKeys({ home, sealingKey, store: keys, arnOf });

  test("are bound to the integration and its context", async () => {
    const wrapped = await dataKeys.newDataKey(integration);
    expect((await dataKeys.unwrap(integration, wrapped, never)).reveal()).toHaveLength(32);
    for (const change of [{ id: "i-2" }, { additionalEncryptionContext: {} }])
      await expect(dataKeys.unwrap({ ...integration, ...change }, wrapped, never)).rejects.toMatchObject(
        refused(`The KMS key ${arn} is not accessible`),
      );
  });

  test("are bound by the very pairs that AWS adds, which nobody's replace", async () => {
    const forged = { ...integration, additionalEncryptionContext: { "aws:servicename:id": "Other" } };
    const wrapped = Buffer.from(await dataKeys.newDataKey(forged), "base64");
    const context = { "aws:redshift:integration:arn": "arn:i-1", "aws:servicename:id": "Redshift" };
    expect((await keys.unwrap({ keyArn: arn, context, bytes: wrapped })).reveal()).toHaveLength(32);
  });

  test("without a key of the caller's are wrapped by the service's own, which another service has not", async () => {
    const own = { ...integration, kmsKeyId: dataKeys.defaultArn, additionalEncryptionContext: {} };
    const wrapped = await dataKeys.newDataKey(own);
    const alike = new IntegrationKeys({ home, sealingKey, store: undefined, arnOf });
    expect((await alike.unwrap(own, wrapped, never)).reveal()).toHaveLength(32);
    const another = new IntegrationKeys({ home, sealingKey: randomBytes(32), store: undefined, arnOf });
    await expect(another.unwrap(own, wrapped, never)).rejects.toMatchObject(refused("sealing-key.json"));
    await expect(alike.unwrap(integration, wrapped, never)).rejects.toMatchObject(
      refused("No keys are configured"),
    );
  });
});
