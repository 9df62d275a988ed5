import { mkdir, open, readdir, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "../../base/errors.ts";
import { int32At, putInt32 } from "../../wire/pg-bytes.ts";

/** Bytes before each message in a spool: its length. */
export const spoolHeaderBytes = 4;
const readBytes = 2 << 20;
const bufferBytes = 256 << 10;

/** A transaction that is sent before its commit, on disk until it ends. */
export class SpooledTransaction {
  readonly #path: string;
  readonly #file: FileHandle;
  #chunks: Uint8Array[] = [];
  #chunk = new Uint8Array(0);
  #used = 0;
  #fileBytes = 0;
  /** Subtransactions that were rolled back: their messages do not count. */
  readonly aborted = new Set<number>();

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async create(directory: string, xid: number): Promise<SpooledTransaction> {
    const path = join(directory, `${xid}.spool`);
    return new SpooledTransaction(path, await spooling(() => open(path, "w+", 0o600)));
  }

  /** A message of the stream. Kept in memory until `flush`. */
  append(region: Uint8Array, from: number, to: number): void {
    const bytes = spoolHeaderBytes + to - from;
    if (this.#used + bytes > this.#chunk.length) {
      this.#chunks.push(this.#chunk.subarray(0, this.#used));
      this.#chunk = new Uint8Array(Math.max(bufferBytes, bytes));
      this.#used = 0;
    }
    putInt32(this.#chunk, this.#used, to - from);
    this.#chunk.set(region.subarray(from, to), this.#used + spoolHeaderBytes);
    this.#used += bytes;
  }

  async flush(): Promise<void> {
    if (this.#used === 0) return;
    this.#chunks.push(this.#chunk.subarray(0, this.#used));
    const chunks = this.#chunks.filter(({ length }) => length > 0);
    this.#chunks = [];
    this.#chunk = new Uint8Array(0);
    this.#used = 0;
    for (const chunk of chunks) {
      await spooling(() => this.#file.write(chunk, 0, chunk.length, this.#fileBytes));
      this.#fileBytes += chunk.length;
    }
  }

  /** The messages in order, as regions of whole ones, each with its length before it. After `flush`. */
  async *regions(): AsyncGenerator<Uint8Array, void> {
    let at = 0;
    while (at < this.#fileBytes) {
      let region = await this.#read(at, readBytes);
      let whole = wholeMessages(region);
      if (whole === 0) {
        region = await this.#read(at, spoolHeaderBytes + int32At(region, 0));
        whole = wholeMessages(region);
      }
      at += whole;
      yield region.subarray(0, whole);
    }
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
      if (bytesRead === 0) throw new Error("a spool file is shorter than what was written to it");
      read += bytesRead;
    }
    return bytes;
  }
}

function wholeMessages(region: Uint8Array): number {
  let at = 0;
  while (at + spoolHeaderBytes <= region.length) {
    const next = at + spoolHeaderBytes + int32At(region, at);
    if (next > region.length) break;
    at = next;
  }
  return at;
}

/** The transactions of one stream that are being sent. Nothing outlives the stream: a new one gets them again. */
export class Spools implements AsyncDisposable {
  readonly #directory: string;
  readonly #open = new Map<number, SpooledTransaction>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Empties the directory of what a crash left. */
  static async open(directory: string): Promise<Spools> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const leftovers = (await readdir(directory)).filter((name) => name.endsWith(".spool"));
    for (const name of leftovers) await rm(join(directory, name), { force: true });
    return new Spools(directory);
  }

  async get(xid: number): Promise<SpooledTransaction> {
    const found = this.#open.get(xid) ?? (await SpooledTransaction.create(this.#directory, xid));
    this.#open.set(xid, found);
    return found;
  }

  /** Between two regions of the stream: what was appended leaves the memory. */
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
    throw new CodedError("TARGET_DISK_FULL", "The disk is full, so a large transaction cannot be kept.", {
      cause: error,
    });
  }
}
