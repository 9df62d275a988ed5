import { rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Sufficient for a segment of write-ahead log and for the pages of many reports. */
const reserveBytes = 32 * 1024 ** 2;

/** The reserve is made only if this much remains besides. */
const roomBytes = 64 * 1024 ** 2;

/**
 * Disk space for the catalog after everything else has filled the disk: the state and the errors of the integrations
 * must still be recorded then. The reserve is a file that contains nothing of value; deleting it frees its space.
 */
export class DiskReserve {
  readonly #directory: string;
  readonly #path: string;

  /** `directory`: on the same file system as the catalog. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#path = join(directory, "reserve");
  }

  /** Makes the reserve if it is missing and the disk has room for it. */
  restore(): void {
    if (this.#bytes === reserveBytes) return;
    const { bavail, bsize } = statfsSync(this.#directory);
    if (bavail * bsize < reserveBytes + roomBytes) return;
    try {
      writeFileSync(this.#path, Buffer.alloc(reserveBytes), { mode: 0o600, flush: true });
    } catch {
      // Another program took the space first. An incomplete reserve only takes space from the catalog.
      rmSync(this.#path, { force: true });
    }
  }

  /** Frees the space. Returns whether there was any. */
  release(): boolean {
    const existed = this.#bytes !== undefined;
    rmSync(this.#path, { force: true });
    return existed;
  }

  get #bytes(): number | undefined {
    return statSync(this.#path, { throwIfNoEntry: false })?.size;
  }
}
