import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { SecretBytes } from "./secret.ts";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;

/** Bytes after each frame: the tag that authenticates it. */
export const frameTagBytes = 16;

/**
 * Encrypts the frames of one file that only this object reads back. Its key is derived from the given one and from
 * random bytes that are stored nowhere: no one can read what a crash leaves behind, and since no two files have the
 * same key, a frame's number is a sufficient nonce.
 */
export class FrameCipher {
  readonly #key: Uint8Array;

  constructor(key: SecretBytes) {
    this.#key = new Uint8Array(hkdfSync("sha256", key.reveal(), randomBytes(32), "zeroetl file", keyBytes));
  }

  /** The cipher text, as long as the frame, and the tag. Use each number for one frame only. */
  seal(number: number, frame: Uint8Array): { readonly body: Buffer; readonly tag: Buffer } {
    const cipher = createCipheriv(algorithm, this.#key, nonceOf(number), { authTagLength: frameTagBytes });
    const body = cipher.update(frame);
    // In this mode, `final` adds no bytes but computes the tag.
    cipher.final();
    return { body, tag: cipher.getAuthTag() };
  }

  /** Undefined for bytes that are not the output of `seal` for this number. */
  open(number: number, body: Uint8Array, tag: Uint8Array): Buffer | undefined {
    const decipher = createDecipheriv(algorithm, this.#key, nonceOf(number), {
      authTagLength: frameTagBytes,
    });
    const frame = decipher.update(body);
    decipher.setAuthTag(tag);
    try {
      decipher.final();
      return frame;
    } catch {
      // Only the comparison of the tag can fail here.
      return undefined;
    }
  }
}

function nonceOf(number: number): Buffer {
  const nonce = Buffer.alloc(nonceBytes);
  nonce.writeDoubleBE(number, nonceBytes - 8);
  return nonce;
}
