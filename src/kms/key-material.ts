import { readFile, stat } from "node:fs/promises";
import { messageOf } from "../base/errors.ts";
import { SecretBytes } from "../base/secret.ts";
import { KeyNotAccessible } from "./key-store.ts";

const keyBytes = 32;
/** Hex with a line break is the longest form. */
const fileBytesMax = 128;

/** Decodes 32 bytes of hex or base64; undefined for any other text. */
export function keyOfText(text: string): SecretBytes | undefined {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return new SecretBytes(Buffer.from(trimmed, "hex"));
  if (/^[A-Za-z0-9+/]{43}=$/.test(trimmed)) return new SecretBytes(Buffer.from(trimmed, "base64"));
  return undefined;
}

/** Reads a key from a file: 32 bytes, or their hex or base64. Throws `KeyNotAccessible`. */
export async function readKeyFile(path: string): Promise<SecretBytes> {
  let bytes: Buffer;
  try {
    const { size } = await stat(path);
    bytes = size > fileBytesMax ? Buffer.alloc(0) : await readFile(path);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? messageOf(cause);
    throw new KeyNotAccessible(`Its file ${path} cannot be read (${reason}).`, { cause });
  }
  const key = bytes.length === keyBytes ? new SecretBytes(bytes) : keyOfText(bytes.toString("latin1"));
  if (key === undefined)
    throw new KeyNotAccessible(`Its file ${path} does not hold 32 bytes, or their hex or base64.`);
  return key;
}
