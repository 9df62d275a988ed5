import { randomBytes } from "node:crypto";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { TemporaryDirectory } from "../../test/support/temporary.ts";
import { loadConfiguration, type Configuration } from "../config/config.ts";
import { configurableEngines } from "./engines.ts";
import { keyStoreOf } from "./configured-key-store.ts";

const id = "1234abcd-12ab-34cd-56ef-1234567890ab";
const key = randomBytes(32).toString("base64");

interface Loaded {
  readonly directory: string;
  readonly variables?: Record<string, string>;
}

async function load(kms: string, { directory, variables = {} }: Loaded): Promise<Configuration> {
  const file = join(directory, "zeroetl.yaml");
  await writeFile(file, `kms:\n  ${kms}\n`, { mode: 0o600 });
  return loadConfiguration({ file, variables, engines: configurableEngines });
}

test("keys have a file beside the configuration, or come from the environment", async () => {
  await using directory = await TemporaryDirectory.make();
  const configuration = await load(
    `keys: [{ id: ${id}, aliases: [alias/warehouse], file: ./k }, { id: ${id.replace("1", "2")}, key: "\${KEY}", enabled: false }]`,
    { directory: directory.path, variables: { KEY: key } },
  );
  expect(configuration.kms).toMatchObject({
    kind: "local",
    keys: [
      { id, aliases: ["alias/warehouse"], isEnabled: true, material: join(directory.path, "k") },
      { aliases: [], isEnabled: false },
    ],
  });
  expect(configuration.warnings).toEqual([]);
  expect(configuration.keyCheckMs).toBe(60_000);
  expect(inspect(configuration, { depth: 9 })).not.toContain(key.slice(0, 10));
  const store = await keyStoreOf(configuration);
  const arn = `arn:aws:kms:us-east-1:000000000000:key/${id}`;
  await expect(store?.resolve(id)).rejects.toThrow("ENOENT");
  await writeFile(join(directory.path, "k"), key);
  expect(await store?.resolve("alias/warehouse")).toBe(arn);
});

test("a key that others can read, in its file or in the configuration's, is warned of", async () => {
  await using directory = await TemporaryDirectory.make();
  const path = join(directory.path, "k");
  await writeFile(path, key);
  const chmodded = async (mode: number) => {
    await chmod(path, mode);
    return (await load(`keys: [{ id: ${id}, file: k }]`, { directory: directory.path })).warnings;
  };
  expect(await chmodded(0o644)).toEqual([`kms.keys[0].file: others can read the key: chmod 600 ${path}`]);
  expect(await chmodded(0o600)).toEqual([]);
  const file = join(directory.path, "zeroetl.yaml");
  await writeFile(file, `kms: { keys: [{ id: ${id}, key: "${key}" }] }`);
  await chmod(file, 0o644);
  const { warnings } = await loadConfiguration({ file, engines: configurableEngines });
  expect(warnings).toEqual([expect.stringContaining("a secret stands in a file that others can read")]);
});

test("the KMS API has an endpoint and credentials, or AWS's own and what the SDK finds", async () => {
  await using directory = await TemporaryDirectory.make();
  const from = async (kms: string) => (await load(kms, { directory: directory.path })).kms;
  expect(await from("api: {}")).toEqual({ kind: "api", endpoint: undefined, credentials: undefined });
  const whole = "api: { endpoint: http://h:1, access_key_id: a, secret_access_key: hunter2 }";
  const found = await from(whole);
  expect(found).toMatchObject({ endpoint: "http://h:1", credentials: { accessKeyId: "a" } });
  expect(inspect(found, { depth: 9 })).not.toContain("hunter2");
  expect(await from("check_seconds: 5")).toEqual({ kind: "none" });
});

test.each([
  ["two kinds of keys", "{ keys: [], api: {} }", "one of them"],
  ["no material", `{ keys: [{ id: ${id} }] }`, "must have either file or key"],
  ["two materials", `{ keys: [{ id: ${id}, file: k, key: "${key}" }] }`, "must have either file or key"],
  ["a key that is none", `{ keys: [{ id: ${id}, key: hunter2 }] }`, "must be the hex or base64 of 32 bytes"],
  ["an id that is none", "{ keys: [{ id: mine, file: k }] }", "must be a uuid"],
  [
    "the default key's id",
    "{ keys: [{ id: 00000000-0000-4000-8000-000000000000, file: k }] }",
    "must not be the default key's",
  ],
  ["an alias of AWS's", `{ keys: [{ id: ${id}, file: k, aliases: [alias/aws/rds] }] }`, "must be alias/"],
  ["an id twice", `{ keys: [{ id: ${id}, file: k }, { id: ${id}, file: l }] }`, "is used twice"],
  [
    "an alias twice",
    `{ keys: [{ id: ${id}, file: k, aliases: [alias/a, alias/a] }] }`,
    "alias/a is used twice",
  ],
  ["half a credential", "{ api: { access_key_id: a } }", "needs both"],
  ["an endpoint with a password", "{ api: { endpoint: http://u:hunter2@h } }", "without user and password"],
  ["too rare looks", "{ check_seconds: 86400 }", "a whole number from 1 to 3600"],
])("%s is refused with its line, without a secret", async (_, kms, hint) => {
  await using directory = await TemporaryDirectory.make();
  const file = join(directory.path, "zeroetl.yaml");
  await writeFile(file, `kms: ${kms}\n`, { mode: 0o600 });
  const loading = loadConfiguration({ file, engines: configurableEngines });
  await expect(loading).rejects.toMatchObject({ code: "CONFIGURATION" });
  await expect(loading).rejects.toThrow(/^zeroetl\.yaml:1: /);
  await expect(loading).rejects.toThrow(hint);
  await expect(loading).rejects.toThrow(/^(?!.*hunter2)/);
});
