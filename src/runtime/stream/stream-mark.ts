import { createHash } from "node:crypto";
import { mkdir, open, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { StreamIdentity } from "../../target/target.ts";

/**
 * The local files of a stream outside the warehouse: its spool, and the mark that the source may contain something of
 * it. The mark is on disk before the first attempt to create a slot, and is removed after the slot is: a stream without
 * it can be removed without the source, and one with it is never forgotten while a slot retains WAL for it.
 */
export class StreamFiles {
  /** For transactions that are sent before their commit. */
  readonly spool: string;
  readonly #mark: string;

  constructor(root: string, { integrationId, sourceDatabase }: StreamIdentity) {
    // Database names may contain any character; a hash is a valid file name everywhere.
    const hash = createHash("sha256").update(sourceDatabase).digest("hex").slice(0, 16);
    this.spool = join(root, "spool", `${integrationId}_${hash}`);
    this.#mark = join(root, "streams", `${integrationId}_${hash}`);
  }

  async makeSpool(): Promise<void> {
    await mkdir(this.spool, { recursive: true, mode: 0o700 });
  }

  async isMarked(): Promise<boolean> {
    try {
      await stat(this.#mark);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    }
  }

  async mark(): Promise<void> {
    const directory = dirname(this.#mark);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await using file = await open(this.#mark, "a", 0o600);
    await file.sync();
    // A new name is durable only when its directory is.
    await using names = await open(directory, "r");
    await names.sync();
  }

  async remove(): Promise<void> {
    await rm(this.spool, { recursive: true, force: true });
    await rm(this.#mark, { force: true });
  }
}
