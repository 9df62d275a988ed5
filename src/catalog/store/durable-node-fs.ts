import { closeSync, fsyncSync, openSync } from "node:fs";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import type { DiskReserve } from "./disk-reserve.ts";

type Init = NodeFS["init"];

/** The fields of an open file of Emscripten's NODEFS: the underlying descriptor, undefined for a directory. */
interface NodeStream {
  readonly nfd?: number;
  readonly path: string;
}

type Write = (
  ...parameters: [stream: NodeStream, buffer: unknown, offset: number, length: number, position: number]
) => number;

/** The part of Emscripten's NODEFS that is needed here; its types omit it. */
interface NodeFileSystem {
  readonly stream_ops: { fsync?: (stream: NodeStream) => number; write: Write };
}

const mountPoint = "/pglite/data";

/** Emscripten's number of the error ENOSPC. */
const noSpace = 51;

/** Between attempts to make the reserve again. */
const restoreMs = 10_000;

/**
 * PGlite's files in a directory, with fsync and a reserve of disk space. By default, PGlite runs PostgreSQL without
 * fsync, and its file system does not implement it: commits survive a process crash, but not a power failure. With this
 * and `startParams` without `-F`, a commit is on disk when it returns, and checkpoints are ordered. A write that finds
 * the disk full releases the reserve and is repeated, so that PostgreSQL does not see the error.
 */
export class DurableNodeFs extends NodeFS {
  readonly #reserve: DiskReserve | undefined;
  #restoredMs = 0;

  constructor(data: string, reserve?: DiskReserve) {
    super(data);
    this.#reserve = reserve;
  }

  override async init(...[pg, options]: Parameters<Init>): ReturnType<Init> {
    const { emscriptenOpts } = await super.init(pg, options);
    const preRun = [...(emscriptenOpts.preRun ?? [])];
    preRun.push((module) => {
      const { stream_ops: operations } = module.NODEFS as unknown as NodeFileSystem;
      operations.fsync = (stream) => {
        if (stream.nfd === undefined) this.#syncDirectory(stream.path);
        else fsyncSync(stream.nfd);
        this.#restore();
        return 0;
      };
      operations.write = this.#withReserve(operations.write);
    });
    return { emscriptenOpts: { ...emscriptenOpts, preRun } };
  }

  #withReserve(write: Write): Write {
    return (...parameters) => {
      const [stream, buffer, offset, length, position] = parameters;
      let written = 0;
      try {
        written = write(...parameters);
        if (written === length || this.#reserve?.release() !== true) return written;
      } catch (error) {
        if ((error as { errno?: number }).errno !== noSpace || this.#reserve?.release() !== true) throw error;
      }
      return written + write(stream, buffer, offset + written, length - written, position + written);
    };
  }

  #restore(): void {
    const now = performance.now();
    if (now - this.#restoredMs < restoreMs) return;
    this.#restoredMs = now;
    this.#reserve?.restore();
  }

  #syncDirectory(path: string): void {
    if (!path.startsWith(mountPoint)) return;
    const descriptor = openSync(this.rootDir + path.slice(mountPoint.length), "r");
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
}
