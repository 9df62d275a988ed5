import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";

const megabyte = 1024 ** 2;

/** Sufficient for a segment of write-ahead log and for the pages of many reports. */
const reserveMegabytes = 32;

/** The reserve is made only if this much remains besides. */
const roomMegabytes = 64;

/**
 * Disk space for the catalog after everything else has filled the disk: the state and the errors of the integrations
 * must still be recorded then. The reserve is a file that contains nothing of value; deleting it frees its space.
 */
export class DiskReserve {
  readonly #directory: string;
  readonly #path: string;

  /** `path`: of a file in `directory`, on the same file system as the catalog. */
  constructor(directory: string, path: string) {
    this.#directory = directory;
    this.#path = path;
  }

  /** Makes the reserve if it is missing and the disk has room for it. */
  restore(): void {
    if (this.#isWhole) return;
    const { bavail, bsize } = statfsSync(this.#directory);
    if (bavail * bsize < (reserveMegabytes + roomMegabytes) * megabyte) return;
    const descriptor = openSync(this.#path, "w", 0o600);
    try {
      const zeros = Buffer.alloc(megabyte);
      for (let written = 0; written < reserveMegabytes; written += 1) writeSync(descriptor, zeros);
      fsyncSync(descriptor);
    } catch {
      // Another program took the space first. An incomplete reserve only takes space from the catalog.
      rmSync(this.#path, { force: true });
    } finally {
      closeSync(descriptor);
    }
  }

  /** Frees the space. Returns whether there was any. */
  release(): boolean {
    const existed = statSync(this.#path, { throwIfNoEntry: false }) !== undefined;
    rmSync(this.#path, { force: true });
    return existed;
  }

  get #isWhole(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.size === reserveMegabytes * megabyte;
  }
}
