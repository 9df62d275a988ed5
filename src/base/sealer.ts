import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { assert } from "./assert.ts";
import { Secret } from "./secret.ts";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
/** As NIST SP 800-38D, 8.2 recommends; random nonces are safe for 2^32 texts under one key. */
const nonceBytes = 12;
const tagBytes = 16;

/** Encrypts small secrets with AES-256-GCM, each bound to the name of its owner. */
export class Sealer {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    assert(key.length === keyBytes, "a sealing key has 32 bytes");
    this.#key = key;
  }

  /** Base64 of the result of `sealBytes`. */
  seal(secret: Secret, belongsTo: string): string {
    return this.sealBytes(Buffer.from(secret.reveal()), belongsTo).toString("base64");
  }

  /** Undefined for a text that was sealed under another key or for another name, or was changed since. */
  unseal(sealed: string, belongsTo: string): Secret | undefined {
    const bytes = this.unsealBytes(Buffer.from(sealed, "base64"), belongsTo);
    return bytes === undefined ? undefined : new Secret(bytes.toString("utf8"));
  }

  /** Nonce, cipher text and tag; different each time. */
  sealBytes(plain: Uint8Array, belongsTo: string): Buffer {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(belongsTo));
    const sealed = [cipher.update(plain), cipher.final()];
    return Buffer.concat([nonce, ...sealed, cipher.getAuthTag()]);
  }

  /** Like `unseal`. */
  unsealBytes(sealed: Uint8Array, belongsTo: string): Buffer | undefined {
    if (sealed.length < nonceBytes + tagBytes) return undefined;
    const nonce = sealed.subarray(0, nonceBytes);
    const decipher = createDecipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(belongsTo));
    decipher.setAuthTag(sealed.subarray(-tagBytes));
    const start = decipher.update(sealed.subarray(nonceBytes, -tagBytes));
    try {
      return Buffer.concat([start, decipher.final()]);
    } catch {
      // Only the comparison of the tag can fail here.
      return undefined;
    }
  }
}
