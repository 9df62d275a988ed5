import { resolve } from "node:path";
import { z } from "zod";
import { Secret, type SecretBytes } from "../base/secret.ts";
import { othersCanRead, type SettingPath } from "./config-file.ts";
import { isWebUrl, setting, wholeNumber } from "../model/setting.ts";
import { keyOfText } from "../kms/key-material.ts";
import { defaultKeyId } from "../kms/key-name.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const alias = /^alias\/(?!aws\/)[A-Za-z0-9/_-]{1,250}$/;
const endpointAllowed = "an http or https URL without user and password, such as http://127.0.0.1:4599";

/** A password in it would never be sent. */
const isEndpoint = (text: string): boolean =>
  isWebUrl(text) && new URL(text).username === "" && new URL(text).password === "";

const key = z.strictObject({
  id: setting(
    z
      .string()
      .regex(uuid)
      .refine((id) => id !== defaultKeyId, "must not be the default key's"),
    "The last part of the key's ARN, by which KMSKeyId can name it.",
    "a uuid in lower case, such as 1234abcd-12ab-34cd-56ef-1234567890ab",
  ),
  aliases: setting(
    z.array(
      setting(z.string().regex(alias), "Another name of the key.", "alias/ and letters, digits, / _ and -"),
    ),
    "Other names of the key.",
    "a list of names such as alias/warehouse",
  ).default([]),
  file: setting(
    z.string().min(1),
    "A file with the key's 32 bytes, or their hex or base64. Relative to the configuration file. It is read whenever the key is needed: if the file is removed, the key cannot be used from the next check on (`kms.check_seconds`).",
    "the path of a file",
  ).optional(),
  key: setting(
    z.string().refine((text) => keyOfText(text) !== undefined, "must be the hex or base64 of 32 bytes"),
    "The key itself, instead of a file, from the environment: ${VARIABLE}.",
    "the hex or base64 of 32 bytes",
  ).optional(),
  enabled: setting(z.boolean(), "Whether the key can be used. Default true.", "true or false").default(true),
});

const api = z.strictObject({
  endpoint: setting(
    z.string().refine(isEndpoint, `must be ${endpointAllowed}`),
    "The endpoint of the KMS API. Default: AWS's endpoint for the region.",
    endpointAllowed,
  ).optional(),
  access_key_id: setting(
    z.string().min(1).max(128),
    "The credentials to use. Default: what AWS's SDK finds in its usual places, such as AWS_ACCESS_KEY_ID.",
    "a text of 1 to 128 characters",
  ).optional(),
  secret_access_key: setting(
    z.string().min(1).max(256),
    "The secret half.",
    "a text of 1 to 256 characters (in quotes where it is all digits)",
  ).optional(),
});

/** The settings for KMS keys. */
export const kmsSettings = setting(
  z.strictObject({
    keys: setting(z.array(key), "Keys that this service holds itself.", "a list of keys").optional(),
    api: setting(
      api,
      "Instead: keys from the KMS API, of AWS or of another server. They belong to the account and region that ARNs name.",
      "a mapping with endpoint, access_key_id and secret_access_key",
    ).optional(),
    check_seconds: setting(
      wholeNumber(3_600),
      "How often to check whether an integration's key can still be used, in seconds. Default 60.",
      "a whole number from 1 to 3600",
    ).default(60),
  }),
  "The keys that KMSKeyId can name. Default: none, and every integration has the default key.",
  "a mapping with keys or api, and check_seconds",
).prefault({});

export type KmsSettings = z.output<typeof kmsSettings>;

export interface ConfiguredKey {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly isEnabled: boolean;
  /** The absolute path of its file, or the key itself. */
  readonly material: string | SecretBytes;
}

/** The location of the keys that callers may name. */
export type ConfiguredKms =
  | { readonly kind: "none" }
  | { readonly kind: "local"; readonly keys: readonly ConfiguredKey[] }
  | {
      readonly kind: "api";
      readonly endpoint: string | undefined;
      readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: Secret } | undefined;
    };

interface Context {
  readonly base: string;
  readonly refuse: (path: SettingPath, sentence: string) => never;
}

/** Interprets the settings. Refuses contradictory ones. */
export function interpretKms(settings: KmsSettings, context: Context): ConfiguredKms {
  const { refuse } = context;
  if (settings.api !== undefined && settings.keys !== undefined)
    return refuse(["kms", "api"], "kms has both keys and api; it can have one of them");
  if (settings.api !== undefined) return apiOf(settings.api, refuse);
  if (settings.keys === undefined) return { kind: "none" };
  refuseRepeated(settings.keys, refuse);
  return { kind: "local", keys: settings.keys.map((entry, index) => keyOf(entry, index, context)) };
}

function apiOf(
  { endpoint, access_key_id, secret_access_key }: z.output<typeof api>,
  refuse: Context["refuse"],
): ConfiguredKms {
  if ((access_key_id === undefined) !== (secret_access_key === undefined))
    return refuse(["kms", "api"], "kms.api has one of access_key_id and secret_access_key; it needs both");
  const credentials =
    access_key_id === undefined || secret_access_key === undefined
      ? undefined
      : { accessKeyId: access_key_id, secretAccessKey: new Secret(secret_access_key) };
  return { kind: "api", endpoint, credentials };
}

function keyOf(
  { id, aliases, enabled, file, key: text }: z.output<typeof key>,
  index: number,
  { base, refuse }: Context,
): ConfiguredKey {
  const inline = text === undefined ? undefined : keyOfText(text);
  if ((file === undefined) === (inline === undefined))
    return refuse(["kms", "keys", index], `kms.keys[${index}] must have either file or key`);
  return { id, aliases, isEnabled: enabled, material: inline ?? resolve(base, file ?? "") };
}

function refuseRepeated(keys: NonNullable<KmsSettings["keys"]>, refuse: Context["refuse"]): void {
  const seen = new Set<string>();
  for (const [index, { id, aliases }] of keys.entries())
    for (const name of [id, ...aliases]) {
      if (seen.has(name)) refuse(["kms", "keys", index], `kms.keys[${index}]: ${name} is used twice`);
      seen.add(name);
    }
}

/** The locations of secrets written in the configuration file itself. */
export function kmsSecrets({ keys = [], api: access }: KmsSettings): SettingPath[] {
  return [
    ...keys.flatMap(({ key: text }, index) => (text === undefined ? [] : [["kms", "keys", index, "key"]])),
    ...(access?.secret_access_key === undefined ? [] : [["kms", "api", "secret_access_key"]]),
  ];
}

/** Warnings of key files that others can read, as sentences. */
export async function kmsWarnings({ keys = [] }: KmsSettings, base: string): Promise<string[]> {
  const warnings: string[] = [];
  for (const [index, { file }] of keys.entries()) {
    if (file === undefined) continue;
    const path = resolve(base, file);
    if (await othersCanRead(path))
      warnings.push(`kms.keys[${index}].file: others can read the key: chmod 600 ${path}`);
  }
  return warnings;
}
