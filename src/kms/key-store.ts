import { CodedError } from "../base/errors.ts";
import type { SecretBytes } from "../base/secret.ts";
import type { Finding } from "../model/finding.ts";

/** The purpose of a data key, as pairs; it can be unwrapped only with exactly the same pairs. */
export type EncryptionContext = Readonly<Record<string, string>>;

export interface WrappedKey {
  /** The ARN of the KMS key that wraps it. */
  readonly keyArn: string;
  readonly context: EncryptionContext;
  readonly bytes: Uint8Array;
}

/**
 * A store of KMS keys. They never leave it: it creates and unwraps data keys. Every method throws `KeyNotAccessible`.
 */
export interface KeyStore {
  /** The ARN of the key that `name` refers to in any form, if data keys are currently available from it. */
  readonly resolve: (name: string) => Promise<string>;
  /** A new data key of 32 bytes, wrapped. */
  readonly newDataKey: (keyArn: string, context: EncryptionContext) => Promise<Uint8Array>;
  readonly unwrap: (wrapped: WrappedKey, signal: AbortSignal) => Promise<SecretBytes>;
  /** Checks whether keys can be used. Reports problems as findings and never throws them. */
  readonly check: (signal: AbortSignal) => Promise<readonly Finding[]>;
}

/** A data key is not accessible: its KMS key is unknown, disabled or refused, or the key store does not answer. */
export class KeyNotAccessible extends CodedError {
  /** Whether the error is not about the key itself: a server did not answer, or was busy. */
  readonly isPassing: boolean;

  constructor(message: string, options: { readonly isPassing?: boolean; readonly cause?: unknown } = {}) {
    super("KMS_KEY_NOT_ACCESSIBLE", message, { cause: options.cause });
    this.isPassing = options.isPassing ?? false;
  }
}
