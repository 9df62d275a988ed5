import { CodedError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { randomAccessKey } from "../../base/random-key.ts";
import type { Sealer } from "../../base/sealer.ts";
import type { Secret } from "../../base/secret.ts";
import type { StoredKey, StoredKeys } from "../../catalog/access/access-keys.ts";
import type { AccessKey } from "../../model/policy/access-key.ts";
import { parsePolicy } from "../../model/policy/document.ts";

const log = logger("api");

export interface AccessKeysOptions {
  /** The keys of the configuration: they cannot be changed here. */
  readonly configured: readonly AccessKey[];
  readonly stored: StoredKeys;
  readonly sealer: Sealer;
  readonly now: () => Date;
}

/** An access key as it is shown: never with its secret. */
export interface KeyDescription {
  readonly id: string;
  readonly user: string;
  readonly isEnabled: boolean;
  /** Whether it has a policy; without one, every action is allowed. */
  readonly hasPolicy: boolean;
  /** Undefined for a key of the configuration. */
  readonly createdAt: Date | undefined;
}

/** The secret is shown only here. */
export interface NewKey {
  readonly id: string;
  readonly user: string;
  readonly secret: Secret;
}

/** As in IAM. */
const userName = /^[\w+=,.@-]{1,64}$/;

/** All access keys: those of the configuration, and those of the catalog, whose secrets are sealed there. */
export class AccessKeys {
  readonly #options: AccessKeysOptions;

  constructor(options: AccessKeysOptions) {
    this.#options = options;
  }

  /** A key that may sign; undefined for one that does not exist or is disabled. Changes take effect immediately. */
  async find(id: string): Promise<AccessKey | undefined> {
    const configured = this.#configured(id);
    if (configured !== undefined) return configured;
    const stored = await this.#options.stored.find(id);
    if (stored === undefined || !stored.isEnabled) return undefined;
    const secret = this.#options.sealer.unseal(stored.sealedSecret, id);
    if (secret === undefined)
      throw new Error(`the secret of ${id} was not sealed under the sealing key of this data directory`);
    return { id, user: stored.user, secret, policy: policyOf(stored) };
  }

  async describe(id: string): Promise<KeyDescription | undefined> {
    const configured = this.#configured(id);
    if (configured !== undefined) return describeConfigured(configured);
    const stored = await this.#options.stored.find(id);
    return stored === undefined ? undefined : describeStored(stored);
  }

  async list(): Promise<KeyDescription[]> {
    const stored = await this.#options.stored.list();
    return [...this.#options.configured.map(describeConfigured), ...stored.map(describeStored)];
  }

  /** Throws `CodedError` USAGE for an invalid name and INVALID_POLICY for an invalid policy. */
  async create(user: string, policy: unknown): Promise<NewKey> {
    if (!userName.test(user))
      throw new CodedError("USAGE", "A user's name is 1 to 64 letters, digits and characters of _+=,.@-");
    if (policy === undefined) return this.#make(user, undefined);
    parsePolicy(policy);
    return this.#make(user, JSON.stringify(policy));
  }

  /** Creates a second key with the same user and policy: the first one works until it is disabled. */
  async rotate(id: string): Promise<NewKey> {
    this.#refuseConfigured(id);
    const stored = await this.#options.stored.find(id);
    if (stored === undefined) throw keyNotFound();
    return this.#make(stored.user, stored.policy);
  }

  async setEnabled(id: string, isEnabled: boolean): Promise<void> {
    this.#refuseConfigured(id);
    if (!(await this.#options.stored.setEnabled(id, isEnabled))) throw keyNotFound();
    log.info({ accessKeyId: id, isEnabled }, "An access key was enabled or disabled");
  }

  async delete(id: string): Promise<void> {
    this.#refuseConfigured(id);
    if (!(await this.#options.stored.remove(id))) throw keyNotFound();
    log.info({ accessKeyId: id }, "An access key was deleted");
  }

  async #make(user: string, policy: string | undefined): Promise<NewKey> {
    const { id, secret } = randomAccessKey();
    const { sealer, stored, now } = this.#options;
    const sealedSecret = sealer.seal(secret, id);
    await stored.add({ id, user, sealedSecret, policy, isEnabled: true, createdAt: now() });
    log.info({ accessKeyId: id, user }, "Created an access key");
    return { id, user, secret };
  }

  #configured(id: string): AccessKey | undefined {
    return this.#options.configured.find((key) => key.id === id);
  }

  #refuseConfigured(id: string): void {
    if (this.#configured(id) !== undefined)
      throw new CodedError("KEY_CONFIGURED", `The access key ${id} is one of the configuration`);
  }
}

export function keyNotFound(): CodedError {
  return new CodedError("KEY_NOT_FOUND", "There is no access key with this id");
}

function policyOf({ policy }: StoredKey): AccessKey["policy"] {
  return policy === undefined ? undefined : parsePolicy(JSON.parse(policy));
}

function describeConfigured({ id, user, policy }: AccessKey): KeyDescription {
  return { id, user, isEnabled: true, hasPolicy: policy !== undefined, createdAt: undefined };
}

function describeStored({ id, user, isEnabled, policy, createdAt }: StoredKey): KeyDescription {
  return { id, user, isEnabled, hasPolicy: policy !== undefined, createdAt };
}
