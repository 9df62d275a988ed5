import { CodedError } from "../base/errors.ts";
import type { SecretBytes } from "../base/secret.ts";
import type { Finding } from "../model/finding.ts";

/** What a data key was made for, in pairs; without the very same pairs it is not unwrapped. */
export type EncryptionContext = Readonly<Record<string, string>>;

export interface WrappedKey {
  /** Of the KMS key that wraps it. */
  readonly keyArn: string;
  readonly context: EncryptionContext;
  readonly bytes: Uint8Array;
}

/** Where KMS keys are kept. They never leave it: it makes and unwraps data keys. Every method throws `KeyNotAccessible`. */
export interface KeyStore {
  /** The ARN of the key that `name` means in any of its forms, if data keys can be had from it now. */
  readonly resolve: (name: string) => Promise<string>;
  /** A new data key of 32 bytes, wrapped. */
  readonly newDataKey: (keyArn: string, context: EncryptionContext) => Promise<Uint8Array>;
  readonly unwrap: (wrapped: WrappedKey, signal: AbortSignal) => Promise<SecretBytes>;
  /** Looks whether keys can be used. Never throws for what it looks for. */
  readonly check: (signal: AbortSignal) => Promise<readonly Finding[]>;
}

/** A data key cannot be had: its KMS key is unknown, disabled or refused, or nobody answers. */
export class KeyNotAccessible extends CodedError {
  /** Whether it says nothing about the key: a server did not answer, or was busy. */
  readonly isPassing: boolean;

  constructor(message: string, options: { readonly isPassing?: boolean; readonly cause?: unknown } = {}) {
    super("KMS_KEY_NOT_ACCESSIBLE", message, { cause: options.cause });
    this.isPassing = options.isPassing ?? false;
  }
}
