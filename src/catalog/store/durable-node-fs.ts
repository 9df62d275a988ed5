import { closeSync, fsyncSync, openSync } from "node:fs";
import { NodeFS } from "@electric-sql/pglite/nodefs";

type Init = NodeFS["init"];

/** The fields of an open file of Emscripten's NODEFS: the underlying descriptor, undefined for a directory. */
interface NodeStream {
  readonly nfd?: number;
  readonly path: string;
}

/** The part of Emscripten's NODEFS that is needed here; its types omit it. */
interface NodeFileSystem {
  readonly stream_ops: { fsync?: (stream: NodeStream) => number };
}

const mountPoint = "/pglite/data";

/**
 * PGlite's files in a directory, with fsync. By default, PGlite runs PostgreSQL without fsync, and its file system does
 * not implement it: commits survive a process crash, but not a power failure. With this and `startParams` without `-F`,
 * a commit is on disk when it returns, and checkpoints are ordered.
 */
export class DurableNodeFs extends NodeFS {
  override async init(...[pg, options]: Parameters<Init>): ReturnType<Init> {
    const { emscriptenOpts } = await super.init(pg, options);
    const preRun = [...(emscriptenOpts.preRun ?? [])];
    preRun.push((module) => {
      const { stream_ops: operations } = module.NODEFS as unknown as NodeFileSystem;
      operations.fsync = (stream) => {
        if (stream.nfd === undefined) this.#syncDirectory(stream.path);
        else fsyncSync(stream.nfd);
        return 0;
      };
    });
    return { emscriptenOpts: { ...emscriptenOpts, preRun } };
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
