import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, open, readdir, readlink, rm, symlink, type FileHandle } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { CodedError } from "./errors.ts";

/**
 * Ensures that one process at a time uses a directory. The kernel knows which process is alive: an owner listens on a
 * socket in the directory, which stops answering the moment its process ends, however it ends. No pids are compared, so
 * a reused pid or another pid namespace (two containers, one volume) cannot mislead it.
 *
 * Numbered symbolic links decide ownership: `lock.1`, `lock.2` …, each naming its creator's socket. The highest one
 * counts. A starting process that finds it dead creates the next number, which succeeds for only one process, and wins
 * if its number is then the highest. Only the owner of a higher link removes links, so the highest number never
 * decreases.
 *
 * It works on local file systems that support sockets. It does not work between hosts that share a directory over a
 * network.
 */
export class DirectoryLock implements AsyncDisposable {
  readonly #socket: LockSocket;

  private constructor(socket: LockSocket) {
    this.#socket = socket;
  }

  /**
   * Creates the directory if it does not exist. Throws `CodedError`: DATA_DIRECTORY_LOCKED when another process has it,
   * CONFIGURATION when it cannot be created or locked.
   */
  static async take(directory: string): Promise<DirectoryLock> {
    await makeDirectory(directory);
    // It answers before it is announced, so that no process takes an owner for dead.
    const socket = await LockSocket.listen(directory);
    try {
      await win(socket);
      return new DirectoryLock(socket);
    } catch (error) {
      await socket[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket[Symbol.asyncDispose]();
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw unusable(directory, cause, "made");
  }
}

function unusable(directory: string, cause: unknown, what: "made" | "locked"): CodedError {
  const reason = codeOf(cause) ?? "unknown reason";
  return new CodedError("DATA_DIRECTORY", `The directory ${directory} cannot be ${what} (${reason}).`, {
    cause,
  });
}

async function win(socket: LockSocket): Promise<void> {
  const { directory, name } = socket;
  for (;;) {
    const newest = await newestLink(directory);
    const owner = newest > 0 ? await linkTarget(directory, newest) : undefined;
    if (await socket.answers(owner)) throw inUse(directory, owner);
    const mine = newest + 1;
    if (!(await makeLink(directory, mine, name))) continue;
    if ((await newestLink(directory)) === mine) {
      await sweep(directory, mine);
      return;
    }
    await rm(linkPath(directory, mine), { force: true });
  }
}

function inUse(directory: string, owner: string | undefined): CodedError {
  // A socket of version 0.1 does not contain it.
  const pid = /^lock-(\d+)-/.exec(owner ?? "")?.[1];
  const who = pid === undefined ? "another process" : `another process (pid ${pid})`;
  return new CodedError("DATA_DIRECTORY_LOCKED", `The directory ${directory} is in use by ${who}.`);
}

async function newestLink(directory: string): Promise<number> {
  return Math.max(0, ...(await linkNumbers(directory)));
}

async function linkNumbers(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  return names.flatMap((name) => {
    const number = /^lock\.(\d{1,15})$/.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

function linkPath(directory: string, number: number): string {
  return join(directory, `lock.${number}`);
}

/** The socket's name, or undefined when the link has just been removed. */
async function linkTarget(directory: string, number: number): Promise<string | undefined> {
  try {
    return await readlink(linkPath(directory, number));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function makeLink(directory: string, number: number, target: string): Promise<boolean> {
  try {
    await symlink(target, linkPath(directory, number));
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Removes what dead owners left behind. */
async function sweep(directory: string, mine: number): Promise<void> {
  for (const number of await linkNumbers(directory)) {
    if (number >= mine) continue;
    const socket = await linkTarget(directory, number);
    if (socket !== undefined) await rm(join(directory, socket), { force: true });
    await rm(linkPath(directory, number), { force: true });
  }
}

// A socket's path has at most 103 (macOS) or 107 bytes (Linux), and one of our names with its slash at most 38.
const socketPathBytesMax = 103;
const nameBytesMax = 38;

class LockSocket implements AsyncDisposable {
  readonly directory: string;
  readonly name: string;
  readonly #base: string;
  readonly #server: Server;
  readonly #handle: FileHandle;

  private constructor(at: { directory: string; name: string; base: string }, open: Opened) {
    this.directory = at.directory;
    this.name = at.name;
    this.#base = at.base;
    this.#server = open.server;
    this.#handle = open.handle;
  }

  static async listen(directory: string): Promise<LockSocket> {
    // The pid is for people: it is never used to decide whether the process is alive.
    const name = `lock-${process.pid}-${randomBytes(8).toString("hex")}.sock`;
    const handle = await open(directory, "r");
    const server = createServer((visitor) => visitor.destroy());
    try {
      const base = socketBase(directory, handle);
      server.listen({ path: join(base, name), exclusive: true });
      await once(server, "listening");
      // The lock must not keep alive a process that has nothing else to do.
      server.unref();
      return new LockSocket({ directory, name, base }, { server, handle });
    } catch (error) {
      await handle.close();
      if (error instanceof CodedError) throw error;
      throw unusable(directory, error, "locked");
    }
  }

  /** Whether a living process listens on the socket of that name. */
  async answers(name: string | undefined): Promise<boolean> {
    if (name === undefined) return false;
    const visitor = connect(join(this.#base, name));
    try {
      await once(visitor, "connect");
      return true;
    } catch (error) {
      // Anything else, such as a full backlog, comes from a socket that a process holds open.
      return !["ENOENT", "ECONNREFUSED"].includes(codeOf(error) ?? "");
    } finally {
      visitor.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
    await this.#handle.close();
  }
}

interface Opened {
  readonly server: Server;
  /** Of the directory. */
  readonly handle: FileHandle;
}

/** Linux reaches a socket in a deep directory through the open directory's short path. */
function socketBase(directory: string, handle: FileHandle): string {
  if (Buffer.byteLength(directory) + nameBytesMax <= socketPathBytesMax) return directory;
  if (process.platform === "linux") return `/proc/self/fd/${handle.fd}`;
  throw new CodedError(
    "DATA_DIRECTORY",
    `The path of the directory ${directory} is longer than ${socketPathBytesMax - nameBytesMax} bytes.`,
  );
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
