import { hkdfSync } from "node:crypto";
import { SecretBytes } from "../base/secret.ts";
import type { Integration } from "../model/integration.ts";
import type { Home } from "../model/resources.ts";
import { defaultKeyId, keyArn, parseKeyName } from "./key-name.ts";
import { KeyNotAccessible, type EncryptionContext, type KeyStore } from "./key-store.ts";
import { LocalKeys } from "./local-keys.ts";

/** The properties that determine how an integration's data key is wrapped. */
export type KeyedIntegration = Pick<Integration, "id" | "kmsKeyId" | "additionalEncryptionContext">;

export interface IntegrationKeysOptions {
  readonly home: Home;
  /** The service's sealing key: the default key is derived from it. */
  readonly sealingKey: Uint8Array;
  /** The location of the keys that callers may name; undefined if there are none. */
  readonly store: KeyStore | undefined;
  /** The ARN of an integration, from its uuid. */
  readonly arnOf: (id: string) => string;
}

/** How many pairs callers may specify: KMS allows eight, and two are ours. */
export const contextPairsMax = 6;

/**
 * The data keys of integrations. Each has its own, which is stored wrapped by the KMS key that the integration names,
 * or by the default key. Methods throw `KeyNotAccessible`.
 */
export class IntegrationKeys {
  readonly #home: Home;
  readonly #own: KeyStore;
  readonly #store: KeyStore | undefined;
  readonly #arnOf: (id: string) => string;
  /** Reported by an integration that names no key. */
  readonly defaultArn: string;

  constructor({ home, sealingKey, store, arnOf }: IntegrationKeysOptions) {
    const key = new SecretBytes(new Uint8Array(hkdfSync("sha256", sealingKey, "", "zeroetl data keys", 32)));
    const own = { id: defaultKeyId, aliases: [], isEnabled: true, material: async () => key };
    this.#home = home;
    this.#own = new LocalKeys(home, [own]);
    this.#store = store;
    this.#arnOf = arnOf;
    this.defaultArn = keyArn(home, defaultKeyId);
  }

  /** The ARN of the key that a caller names in any form, if it is currently usable. */
  async resolve(name: string): Promise<string> {
    const wanted = parseKeyName(this.#home, name);
    if (wanted.kind === "id" && wanted.id === defaultKeyId) return this.defaultArn;
    return this.#storeOf(name).resolve(name);
  }

  /** A new data key, wrapped, as text. */
  async newDataKey(integration: KeyedIntegration): Promise<string> {
    const { kmsKeyId } = integration;
    const wrapped = await this.#storeOf(kmsKeyId).newDataKey(kmsKeyId, this.#contextOf(integration));
    return Buffer.from(wrapped).toString("base64");
  }

  async unwrap(integration: KeyedIntegration, wrapped: string, signal: AbortSignal): Promise<SecretBytes> {
    const { kmsKeyId } = integration;
    try {
      return await this.#storeOf(kmsKeyId).unwrap(
        {
          keyArn: kmsKeyId,
          context: this.#contextOf(integration),
          bytes: Buffer.from(wrapped, "base64"),
        },
        signal,
      );
    } catch (error) {
      if (!(error instanceof KeyNotAccessible)) throw error;
      const { isPassing, message } = error;
      const why =
        kmsKeyId === this.defaultArn
          ? "data_dir/sealing-key.json is not the one that it was when the integration was created."
          : message;
      throw new KeyNotAccessible(`The KMS key ${kmsKeyId} is not accessible: ${why}`, {
        cause: error,
        isPassing,
      });
    }
  }

  #storeOf(name: string): KeyStore {
    if (name === this.defaultArn) return this.#own;
    if (this.#store === undefined) throw new KeyNotAccessible("No keys are configured under `kms`.");
    return this.#store;
  }

  /** The pairs that AWS adds automatically come last, so that a caller's pairs cannot replace them. */
  #contextOf({ id, additionalEncryptionContext }: KeyedIntegration): EncryptionContext {
    return {
      ...additionalEncryptionContext,
      "aws:redshift:integration:arn": this.#arnOf(id),
      "aws:servicename:id": "Redshift",
    };
  }
}
