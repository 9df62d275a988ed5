import {
  DecryptCommand,
  DescribeKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  KMSClient,
  KMSServiceException,
  type KeyMetadata,
} from "@aws-sdk/client-kms";
import { messageOf } from "../base/errors.ts";
import { SecretBytes, type Secret } from "../base/secret.ts";
import type { Finding } from "../model/finding.ts";
import type { Home } from "../model/resources.ts";
import { parseKeyName } from "./key-name.ts";
import { KeyNotAccessible, type EncryptionContext, type KeyStore, type WrappedKey } from "./key-store.ts";

export interface AwsKeysOptions {
  /** Undefined: AWS's own endpoint for the region. */
  readonly endpoint: string | undefined;
  /** Undefined: the SDK's default credentials. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: Secret } | undefined;
}

const timeouts = { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true } as const;
const attempts = 3;
/** Probably unused: queried only to see whether the server answers. */
const unknownAlias = "alias/zeroetl-check";

/** KMS keys behind the KMS API, of AWS or of another server that implements it. */
export class AwsKeys implements KeyStore {
  readonly #home: Home;
  readonly #client: KMSClient;

  constructor(home: Home, { endpoint, credentials }: AwsKeysOptions) {
    this.#home = home;
    this.#client = new KMSClient({
      region: home.region,
      maxAttempts: attempts,
      requestHandler: timeouts,
      ...(endpoint !== undefined && { endpoint }),
      ...(credentials !== undefined && {
        credentials: {
          accessKeyId: credentials.accessKeyId,
          secretAccessKey: credentials.secretAccessKey.reveal(),
        },
      }),
    });
  }

  async resolve(name: string): Promise<string> {
    parseKeyName(this.#home, name);
    return this.#usable(name);
  }

  async newDataKey(keyArn: string, context: EncryptionContext): Promise<Uint8Array> {
    const command = new GenerateDataKeyWithoutPlaintextCommand({
      KeyId: keyArn,
      KeySpec: "AES_256",
      EncryptionContext: { ...context },
    });
    const { CiphertextBlob } = await asked(() => this.#client.send(command));
    return present(CiphertextBlob);
  }

  async unwrap({ keyArn, context, bytes }: WrappedKey, signal: AbortSignal): Promise<SecretBytes> {
    // A server that merely implements the API may decrypt with a disabled key; AWS itself does not.
    await this.#usable(keyArn, signal);
    const command = new DecryptCommand({
      KeyId: keyArn,
      CiphertextBlob: bytes,
      EncryptionContext: { ...context },
    });
    const { Plaintext } = await asked(() => this.#client.send(command, { abortSignal: signal }), signal);
    return new SecretBytes(present(Plaintext));
  }

  /**
   * Only integrations know which keys are used; this checks whether the server answers, and accepts these credentials.
   */
  async check(signal: AbortSignal): Promise<readonly Finding[]> {
    const subject = "KMS";
    const fine = { severity: "fine", code: "KMS_KEY", subject, message: "The KMS API answers." } as const;
    const command = new DescribeKeyCommand({ KeyId: unknownAlias });
    try {
      await this.#client.send(command, { abortSignal: signal });
      return [fine];
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof KMSServiceException && error.name === "NotFoundException") return [fine];
      const { code, message, fix, isPassing } = failureOf(error);
      return [{ severity: isPassing ? "blocks" : "warns", code, subject, message, fix }];
    }
  }

  async #usable(name: string, signal?: AbortSignal): Promise<string> {
    const command = new DescribeKeyCommand({ KeyId: name });
    const options = signal === undefined ? {} : { abortSignal: signal };
    const { KeyMetadata } = await asked(() => this.#client.send(command, options), signal);
    return this.#checked(present(KeyMetadata));
  }

  // Servers that implement the API need not report the type of a key if it is the usual one.
  #checked({
    Arn,
    KeyState,
    KeyUsage = "ENCRYPT_DECRYPT",
    KeySpec = "SYMMETRIC_DEFAULT",
  }: KeyMetadata): string {
    const arn = present(Arn);
    parseKeyName(this.#home, arn);
    if (KeyState !== "Enabled") throw new KeyNotAccessible(`Its state is ${KeyState ?? "unknown"}.`);
    if (KeyUsage !== "ENCRYPT_DECRYPT" || KeySpec !== "SYMMETRIC_DEFAULT")
      throw new KeyNotAccessible("It is not a symmetric key for encryption.");
    return arn;
  }
}

async function asked<T>(ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    signal?.throwIfAborted();
    throw failureOf(error);
  }
}

/** Errors in which the server reports a problem of its own, or overload. */
const passingNames: ReadonlySet<string> = new Set([
  "DependencyTimeoutException",
  "KMSInternalException",
  "KeyUnavailableException",
  "LimitExceededException",
  "ThrottlingException",
]);

function failureOf(cause: unknown): KeyNotAccessible {
  if (!(cause instanceof KMSServiceException))
    return new KeyNotAccessible(`The KMS API cannot be asked: ${messageOf(cause)}`, {
      cause,
      isPassing: true,
    });
  const status = cause.$metadata.httpStatusCode ?? 500;
  const isPassing = status >= 500 || status === 429 || passingNames.has(cause.name);
  return new KeyNotAccessible(`The KMS API refuses (${cause.name}): ${cause.message}`, { cause, isPassing });
}

/** A field that every server that implements the API returns. */
function present<T>(value: T | undefined): T {
  if (value === undefined)
    throw new KeyNotAccessible("The KMS API's answer is incomplete.", { isPassing: true });
  return value;
}
