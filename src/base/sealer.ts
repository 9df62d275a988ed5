import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { assert } from "./assert.ts";
import { Secret } from "./secret.ts";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
/** What NIST SP 800-38D, 8.2 recommends; random ones are good for 2^32 texts under one key. */
const nonceBytes = 12;
const tagBytes = 16;

/** Encrypts small secrets with AES-256-GCM, each bound to the name of what it belongs to. */
export class Sealer {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    assert(key.length === keyBytes, "a sealing key has 32 bytes");
    this.#key = key;
  }

  /** Base64 of nonce, cipher text and tag; another one each time. */
  seal(secret: Secret, belongsTo: string): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(belongsTo));
    const sealed = [cipher.update(secret.reveal(), "utf8"), cipher.final()];
    return Buffer.concat([nonce, ...sealed, cipher.getAuthTag()]).toString("base64");
  }

  /** Undefined for what was sealed under another key or for another name, or was changed since. */
  unseal(sealed: string, belongsTo: string): Secret | undefined {
    const bytes = Buffer.from(sealed, "base64");
    if (bytes.length < nonceBytes + tagBytes) return undefined;
    const nonce = bytes.subarray(0, nonceBytes);
    const decipher = createDecipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(belongsTo));
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    const start = decipher.update(bytes.subarray(nonceBytes, -tagBytes));
    try {
      return new Secret(Buffer.concat([start, decipher.final()]).toString("utf8"));
    } catch {
      // The one thing that fails here is the comparison of the tag.
      return undefined;
    }
  }
}
