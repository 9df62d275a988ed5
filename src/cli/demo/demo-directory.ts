import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DirectoryLock } from "../../base/directory-lock.ts";
import { CodedError, messageOf } from "../../base/errors.ts";
import { stopLeftover } from "./embedded-server.ts";

/** Only in a demo's directory: marks it as safe to empty, and contains the lock and the location of the demo's server. */
const markName = ".demo";

/** The directory of one demo, cleared of an earlier one's leftovers. Disposing of it removes it. */
export class DemoDirectory implements AsyncDisposable {
  readonly path: string;
  readonly #lock: DirectoryLock;

  private constructor(path: string, lock: DirectoryLock) {
    this.path = path;
    this.#lock = lock;
  }

  /** Throws `CodedError`: if another demo is running, or if the directory contains anything but a demo's leftovers. */
  static async take(path: string): Promise<DemoDirectory> {
    const mark = join(path, markName);
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
      const names = await readdir(path);
      if (names.length > 0 && !names.includes(markName))
        throw new CodedError(
          "DATA_DIRECTORY_LOCKED",
          `The directory ${path} has files that are not a demo's`,
        );
      const lock = await DirectoryLock.take(mark);
      const directory = new DemoDirectory(path, lock);
      await directory.#clear();
      return directory;
    } catch (cause) {
      if (cause instanceof CodedError) throw cause;
      throw new CodedError("CONFIGURATION", `The directory ${path} cannot be used: ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  /** Records the location of the demo's server, so that the next demo can stop it if this one is killed. */
  async rememberServer(directory: string): Promise<void> {
    await writeFile(this.#serverFile(), directory, { mode: 0o600 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock[Symbol.asyncDispose]();
    await rm(this.path, { recursive: true, force: true });
  }

  async #clear(): Promise<void> {
    const server = await readFile(this.#serverFile(), "utf8").catch(() => undefined);
    if (server !== undefined) await stopLeftover(server);
    await rm(this.#serverFile(), { force: true });
    for (const name of await readdir(this.path))
      if (name !== markName) await rm(join(this.path, name), { recursive: true, force: true });
  }

  #serverFile(): string {
    return join(this.path, markName, "server");
  }
}
