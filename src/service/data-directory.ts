import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { CodedError, messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { randomAccessKey } from "../base/random-key.ts";
import { Secret } from "../base/secret.ts";
import type { Credential } from "../config/config.ts";

const log = logger("service");

/** The paths in a data directory. */
export function placesIn(dataDirectory: string) {
  return {
    catalog: join(dataDirectory, "catalog"),
    warehouse: (target: string): string => join(dataDirectory, "warehouse", target),
    credentials: join(dataDirectory, "credentials.json"),
    sealingKey: join(dataDirectory, "sealing-key.json"),
    service: join(dataDirectory, "service.json"),
  };
}

/** How the command line finds the running service. */
export interface ServiceRecord {
  /** Such as `http://127.0.0.1:5440`. */
  readonly api: string;
  readonly pid: number;
  readonly region: string;
}

const serviceRecord = z.object({ api: z.url(), pid: z.int(), region: z.string() });
const credentialsFile = z.object({
  credentials: z.array(z.object({ access_key_id: z.string(), secret_access_key: z.string() })).min(1),
});

const sealingKeyFile = z.object({ key: z.string().regex(/^[0-9a-f]{64}$/) });

/** Creates the directory, accessible only to its owner. Throws `CodedError` DATA_DIRECTORY. */
export async function makeDataDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw notUsable(path, cause);
  }
}

/** Keys stored in the directory; undefined if none have been created. */
export async function readCredentials(dataDirectory: string): Promise<readonly Credential[] | undefined> {
  const path = placesIn(dataDirectory).credentials;
  const found = await readJson(path, credentialsFile);
  return found?.credentials.map((entry) => ({
    accessKeyId: entry.access_key_id,
    secretAccessKey: new Secret(entry.secret_access_key),
    policy: undefined,
  }));
}

/** The keys of the directory; one is created if there is none. Only the directory's owner can read it. */
export async function ensureCredentials(dataDirectory: string): Promise<readonly Credential[]> {
  const path = placesIn(dataDirectory).credentials;
  const found = await readCredentials(dataDirectory);
  if (found !== undefined) {
    await chmod(path, 0o600);
    return found;
  }
  const { id, secret } = randomAccessKey();
  await writePrivately(path, { credentials: [{ access_key_id: id, secret_access_key: secret.reveal() }] });
  log.info({ accessKeyId: id, file: path }, "Created an access key that allows everything");
  return [{ accessKeyId: id, secretAccessKey: secret, policy: undefined }];
}

/**
 * The key that encrypts secrets in the catalog: 32 bytes, created if missing. Only the directory's owner can read it.
 */
export async function ensureSealingKey(dataDirectory: string): Promise<Buffer> {
  const path = placesIn(dataDirectory).sealingKey;
  const remedy = "restore it from a backup; without it, access keys of the catalog cannot be used any more";
  const found = await readJson(path, sealingKeyFile, remedy);
  if (found !== undefined) {
    await chmod(path, 0o600);
    return Buffer.from(found.key, "hex");
  }
  const made = randomBytes(32);
  await writePrivately(path, { key: made.toString("hex") });
  return made;
}

export async function writeServiceRecord(dataDirectory: string, record: ServiceRecord): Promise<void> {
  await writePrivately(placesIn(dataDirectory).service, record);
}

/** Undefined if no service has left a record. The record of a killed service is still found. */
export async function readServiceRecord(dataDirectory: string): Promise<ServiceRecord | undefined> {
  return readJson(placesIn(dataDirectory).service, serviceRecord);
}

export async function removeServiceRecord(dataDirectory: string): Promise<void> {
  await rm(placesIn(dataDirectory).service, { force: true });
}

async function readJson<T>(
  path: string,
  schema: z.ZodType<T>,
  remedy = "remove it and start again",
): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw notUsable(path, cause);
  }
  const parsed = schema.safeParse(jsonOf(text));
  // Not passed on as a cause: it would quote the file, which may contain a secret.
  if (!parsed.success) throw new CodedError("CONFIGURATION", `${path} is damaged; ${remedy}`);
  return parsed.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Writes the whole file or nothing, even on power loss, and never makes it readable by others. */
async function writePrivately(path: string, value: unknown): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  try {
    await rm(temporary, { force: true });
    {
      await using file = await open(temporary, "wx", 0o600);
      await file.writeFile(`${JSON.stringify(value, undefined, 2)}\n`);
      await file.sync();
    }
    await rename(temporary, path);
    await using directory = await open(dirname(path));
    await directory.sync();
  } catch (cause) {
    await rm(temporary, { force: true });
    throw notUsable(path, cause);
  }
}

function notUsable(path: string, cause: unknown): CodedError {
  const code = (cause as NodeJS.ErrnoException).code ?? messageOf(cause);
  return new CodedError("DATA_DIRECTORY", `${path} cannot be used (${code})`, { cause });
}
