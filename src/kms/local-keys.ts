import { randomBytes } from "node:crypto";
import { Sealer } from "../base/sealer.ts";
import { SecretBytes } from "../base/secret.ts";
import type { Finding } from "../model/finding.ts";
import type { Home } from "../model/resources.ts";
import { keyArn, parseKeyName } from "./key-name.ts";
import { KeyNotAccessible, type EncryptionContext, type KeyStore, type WrappedKey } from "./key-store.ts";

export interface LocalKey {
  readonly id: string;
  /** Such as `alias/warehouse`. */
  readonly aliases: readonly string[];
  readonly isEnabled: boolean;
  /** 32 bytes. Read each time, so that removing the file revokes the key. Throws `KeyNotAccessible`. */
  readonly material: () => Promise<SecretBytes>;
}

const dataKeyBytes = 32;

/** KMS keys given to this process. They wrap data keys with AES-256-GCM, bound to ARN and encryption context. */
export class LocalKeys implements KeyStore {
  readonly #home: Home;
  readonly #keys: readonly LocalKey[];

  constructor(home: Home, keys: readonly LocalKey[]) {
    this.#home = home;
    this.#keys = keys;
  }

  async resolve(name: string): Promise<string> {
    const key = this.#find(name);
    await sealerOf(key);
    return keyArn(this.#home, key.id);
  }

  async newDataKey(arn: string, context: EncryptionContext): Promise<Uint8Array> {
    const sealer = await sealerOf(this.#find(arn));
    return sealer.sealBytes(randomBytes(dataKeyBytes), boundTo(arn, context));
  }

  async unwrap({ keyArn: arn, context, bytes }: WrappedKey): Promise<SecretBytes> {
    const sealer = await sealerOf(this.#find(arn));
    const dataKey = sealer.unsealBytes(bytes, boundTo(arn, context));
    if (dataKey === undefined)
      throw new KeyNotAccessible(
        "The data key was wrapped by a key with other bytes or for another encryption context.",
      );
    return new SecretBytes(dataKey);
  }

  async check(): Promise<readonly Finding[]> {
    return Promise.all(this.#keys.map((key) => this.#checkOne(key)));
  }

  async #checkOne(key: LocalKey): Promise<Finding> {
    const subject = keyArn(this.#home, key.id);
    try {
      await sealerOf(key);
    } catch (error) {
      if (!(error instanceof KeyNotAccessible)) throw error;
      const { code, message, fix } = error;
      return { severity: key.isEnabled ? "blocks" : "warns", code, subject, message, fix };
    }
    return { severity: "fine", code: "KMS_KEY", subject, message: "The key can be used." };
  }

  #find(name: string): LocalKey {
    const wanted = parseKeyName(this.#home, name);
    const found = this.#keys.find(({ id, aliases }) =>
      wanted.kind === "id" ? id === wanted.id : aliases.includes(wanted.alias),
    );
    if (found === undefined) throw new KeyNotAccessible("It does not exist.");
    return found;
  }
}

async function sealerOf({ isEnabled, material }: LocalKey): Promise<Sealer> {
  if (!isEnabled) throw new KeyNotAccessible("It is disabled.");
  return new Sealer((await material()).reveal());
}

/** The same for the same pairs in any order. */
function boundTo(arn: string, context: EncryptionContext): string {
  const pairs = Object.entries(context).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([arn, pairs]);
}
