import { spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import type { TestContext } from "vitest";

const inside = ["--user", "--map-root-user", "--mount"];

/** Skips the running test, and says so, where this machine lets nobody mount a file system of their own. */
export function requireSmallDisk(context: TestContext): void {
  if (spawnSync("unshare", [...inside, "true"]).status === 0) return;
  const message = "no file system can be mounted here (unshare): a full disk is not tested as a whole";
  process.stderr.write(`\n*** ${message} ***\n`);
  context.skip(message);
}

/** A file system of a few megabytes that one process sees, and what is run beside it. */
export class SmallDisk {
  readonly directory: string;
  readonly #mebibytes: number;

  private constructor(directory: string, mebibytes: number) {
    this.directory = directory;
    this.#mebibytes = mebibytes;
  }

  static async at(directory: string, mebibytes: number): Promise<SmallDisk> {
    await mkdir(directory, { recursive: true });
    return new SmallDisk(directory, mebibytes);
  }

  /** What to put before a command so that it runs on the disk, which is mounted for it. */
  get command(): readonly string[] {
    const mount = `mount -t tmpfs -o size=${this.#mebibytes}m tmpfs "$0" && exec "$@"`;
    return ["unshare", ...inside, "sh", "-c", mount, this.directory];
  }

  /** Runs a command that sees the disk of the process; gives its output and status. */
  beside(pid: number, command: readonly string[]): { readonly status: number | null; readonly out: string } {
    const { status, stdout } = spawnSync(
      "nsenter",
      ["--target", String(pid), "--user", "--mount", "--preserve-credentials", ...command],
      { encoding: "utf8" },
    );
    return { status, out: stdout };
  }

  /** Gives the disk of the process more room. */
  grow(pid: number, mebibytes: number): void {
    const options = `remount,size=${mebibytes}m`;
    const { status } = this.beside(pid, ["mount", "-o", options, this.directory]);
    if (status !== 0) throw new Error("the disk cannot be made larger");
  }
}
