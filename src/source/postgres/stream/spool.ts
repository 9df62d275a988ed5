import { mkdir, open, readdir, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "../../../base/errors.ts";
import { FrameCipher, frameTagBytes } from "../../../base/frame-cipher.ts";
import type { SecretBytes } from "../../../base/secret.ts";
import { putInt32, uint32At } from "../../../wire/postgres/bytes.ts";

/** Bytes before each message in a spool: its length. */
export const spoolHeaderBytes = 4;
const readBytes = 2 << 20;
const bufferBytes = 256 << 10;
/** Bytes before each frame: the length of its encrypted contents. */
const frameHeaderBytes = 4;
const frameExtraBytes = frameHeaderBytes + frameTagBytes;
const frameBytesMax = bufferBytes + frameExtraBytes;

/**
 * A transaction that is sent before its commit, encrypted on disk until it ends.
 *
 * ```
 * file:  frame 0, frame 1, …    frame:  length of the body, body, tag
 * ```
 *
 * The concatenated bodies are the messages, each preceded by its length: a frame is never large, whatever the size of a
 * message. The number of bytes written is known only here, and frames are bound to their numbers: a file that was
 * changed, truncated or reordered is an error.
 */
export class SpooledTransaction {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #cipher: FrameCipher;
  #frames = 0;
  #chunks: Uint8Array[] = [];
  #chunk = new Uint8Array(0);
  #used = 0;
  #fileBytes = 0;
  /** Subtransactions that were rolled back: their messages are ignored. */
  readonly aborted = new Set<number>();

  private constructor(path: string, file: FileHandle, cipher: FrameCipher) {
    this.#path = path;
    this.#file = file;
    this.#cipher = cipher;
  }

  static async create(path: string, key: SecretBytes): Promise<SpooledTransaction> {
    const file = await spooling(() => open(path, "w+", 0o600));
    return new SpooledTransaction(path, file, new FrameCipher(key));
  }

  /** Adds a message of the stream. It stays in memory until `flush`. */
  append(region: Uint8Array, from: number, to: number): void {
    const length = new Uint8Array(spoolHeaderBytes);
    putInt32(length, 0, to - from);
    this.#put(length);
    this.#put(region.subarray(from, to));
  }

  #put(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#used === this.#chunk.length) {
        this.#chunks.push(this.#chunk);
        this.#chunk = new Uint8Array(bufferBytes);
        this.#used = 0;
      }
      const some = bytes.subarray(at, at + this.#chunk.length - this.#used);
      this.#chunk.set(some, this.#used);
      this.#used += some.length;
      at += some.length;
    }
  }

  async flush(): Promise<void> {
    if (this.#used === 0) return;
    this.#chunks.push(this.#chunk.subarray(0, this.#used));
    const chunks = this.#chunks.filter(({ length }) => length > 0);
    this.#chunks = [];
    this.#chunk = new Uint8Array(0);
    this.#used = 0;
    for (const chunk of chunks) await this.#write(chunk);
  }

  async #write(messages: Uint8Array): Promise<void> {
    const { body, tag } = this.#cipher.seal(this.#frames, messages);
    const frame = Buffer.allocUnsafe(body.length + frameExtraBytes);
    putInt32(frame, 0, body.length);
    frame.set(body, frameHeaderBytes);
    frame.set(tag, frameHeaderBytes + body.length);
    for (let at = 0; at < frame.length;)
      at += await spooling(async () => {
        const { bytesWritten } = await this.#file.write(frame, at, frame.length - at, this.#fileBytes + at);
        return bytesWritten;
      });
    this.#fileBytes += frame.length;
    this.#frames += 1;
  }

  /**
   * The messages in order, as regions of whole ones, each preceded by its length. Call it after `flush`. Yields nothing
   * from a frame that was changed: throws `CodedError` TARGET_FAILED.
   */
  async *regions(): AsyncGenerator<Uint8Array, void> {
    let region = new Uint8Array(readBytes);
    let used = 0;
    let frame = 0;
    for (let at = 0; at < this.#fileBytes;) {
      const bytes = await this.#read(at, readBytes);
      const found = this.#wholeFrames(bytes);
      if (found.frames === 0) throw spoolChanged();
      region = withRoom(region, used, found.bytes);
      used += this.#decrypt({ bytes, first: frame, whole: found.bytes }, region.subarray(used));
      frame += found.frames;
      at += found.bytes;
      const whole = wholeMessages(region, used);
      if (whole === 0) continue;
      yield region.subarray(0, whole);
      const rest = region.subarray(whole, used);
      region = withRoom(rest, rest.length, readBytes);
      used = rest.length;
    }
    if (used > 0) throw spoolChanged();
  }

  /** For a part of the file that begins with a frame. A length must not be trusted before its frame is decrypted. */
  #wholeFrames(bytes: Uint8Array): WholeFrames {
    let at = 0;
    let frames = 0;
    while (at + frameHeaderBytes <= bytes.length) {
      const frameBytes = frameExtraBytes + uint32At(bytes, at);
      if (frameBytes > frameBytesMax) throw spoolChanged();
      if (at + frameBytes > bytes.length) break;
      at += frameBytes;
      frames += 1;
    }
    return { frames, bytes: at };
  }

  /** Returns the number of bytes written to `out`. */
  #decrypt(
    { bytes, first, whole }: { bytes: Uint8Array; first: number; whole: number },
    out: Uint8Array,
  ): number {
    let used = 0;
    for (let at = 0, frame = first; at < whole; frame += 1) {
      const from = at + frameHeaderBytes;
      const to = from + uint32At(bytes, at);
      at = to + frameTagBytes;
      const body = this.#cipher.open(frame, bytes.subarray(from, to), bytes.subarray(to, at));
      if (body === undefined) throw spoolChanged();
      out.set(body, used);
      used += body.length;
    }
    return used;
  }

  async remove(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }

  async #read(at: number, bytesMax: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.min(bytesMax, this.#fileBytes - at));
    let read = 0;
    while (read < bytes.length) {
      const { bytesRead } = await this.#file.read(bytes, read, bytes.length - read, at + read);
      if (bytesRead === 0) throw spoolChanged();
      read += bytesRead;
    }
    return bytes;
  }
}

/** The region, or a larger one that begins with its first `used` bytes and has room for the message in them. */
function withRoom(region: Uint8Array<ArrayBuffer>, used: number, bytes: number): Uint8Array<ArrayBuffer> {
  const message = used < spoolHeaderBytes ? 0 : spoolHeaderBytes + uint32At(region, 0);
  if (used + bytes <= region.length) return region;
  const larger = new Uint8Array(Math.max(used, message) + bytes);
  larger.set(region.subarray(0, used));
  return larger;
}

/** How many of the first `used` bytes are whole messages. */
function wholeMessages(region: Uint8Array, used: number): number {
  let at = 0;
  while (at + spoolHeaderBytes <= used) {
    const end = at + spoolHeaderBytes + uint32At(region, at);
    if (end > used) break;
    at = end;
  }
  return at;
}

interface WholeFrames {
  readonly frames: number;
  readonly bytes: number;
}

function spoolChanged(): CodedError {
  const message =
    "A spool file is not as it was written: something else has changed it, or the disk is faulty.";
  return new CodedError("TARGET_FAILED", message);
}

/** The transactions of one stream that are being sent. Nothing outlives the stream: a new one receives them again. */
export class Spools implements AsyncDisposable {
  readonly #directory: string;
  readonly #key: SecretBytes;
  readonly #open = new Map<number, SpooledTransaction>();

  private constructor(directory: string, key: SecretBytes) {
    this.#directory = directory;
    this.#key = key;
  }

  /** Deletes what a crash left in the directory. `key`: the key from which the files' keys are derived. */
  static async open(directory: string, key: SecretBytes): Promise<Spools> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const leftovers = (await readdir(directory)).filter((name) => name.endsWith(".spool"));
    for (const name of leftovers) await rm(join(directory, name), { force: true });
    return new Spools(directory, key);
  }

  async get(xid: number): Promise<SpooledTransaction> {
    const path = join(this.#directory, `${xid}.spool`);
    const found = this.#open.get(xid) ?? (await SpooledTransaction.create(path, this.#key));
    this.#open.set(xid, found);
    return found;
  }

  /** Called between two regions of the stream: writes what was appended and frees its memory. */
  async flush(): Promise<void> {
    for (const spool of this.#open.values()) await spool.flush();
  }

  async remove(xid: number): Promise<void> {
    const found = this.#open.get(xid);
    this.#open.delete(xid);
    await found?.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const xid of this.#open.keys()) await this.remove(xid);
  }
}

async function spooling<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ENOSPC" && code !== "EDQUOT" && code !== "EFBIG") throw error;
    throw new CodedError("TARGET_DISK_FULL", "The disk is full, so a large transaction cannot be stored.", {
      cause: error,
    });
  }
}
