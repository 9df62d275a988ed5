import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { messageOf } from "../../../base/errors.ts";
import { logger } from "../../../base/log.ts";
import type { DuckDb } from "../instance/duck-db.ts";
import type { Session } from "../instance/session.ts";

const log = logger("duckdb");

const everyMs = 25;
/** Querying DuckDB costs more than querying the kernel. */
const looksPerQuestion = 4;
/** Why a query must be stopped. */
export type Excess = "QUERY_MEMORY" | "QUERY_DISK";

/** Share of the memory limit that queries may hold in a form that DuckDB cannot write to disk. */
const heldShare = 0.4;
/** Limit on the process's memory beyond DuckDB's limit and what the process uses without queries. */
const beyondBytesMax = 256 * 1024 ** 2;

/** Share of the space for temporary files, which a transaction needs as well. */
const spilledShare = 0.5;

/**
 * Monitors the memory and the temporary files while queries run. DuckDB's limits cover replication and queries
 * together, and do not account for the values that a step creates: when queries exceed their share, `relieve` is called
 * to stop one of them, before replication has to stop.
 */
export class MemoryWatch implements AsyncDisposable {
  readonly #duck: DuckDb;
  readonly #relieve: (excess: Excess) => Promise<void>;
  readonly #stop = new AbortController();
  readonly #idleBytes = process.memoryUsage.rss();
  readonly #running: Promise<void>;
  #writingBack: Promise<void> | undefined;

  constructor(duck: DuckDb, relieve: (excess: Excess) => Promise<void>) {
    this.#duck = duck;
    this.#relieve = relieve;
    this.#running = this.#run().catch((error: unknown) => {
      log.warn({ reason: messageOf(error) }, "The memory use of queries cannot be determined");
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#writingBack;
  }

  async #run(): Promise<void> {
    const session = await this.#duck.session();
    try {
      let look = 0;
      do {
        const excess = this.#isBeyond() ? "QUERY_MEMORY" : await this.#excessAt(look++, session);
        if (excess !== undefined) await this.#relieve(excess);
      } while (await this.#nextLook());
    } finally {
      session.close();
    }
  }

  /** Whether there is a next check: none once the watch has ended. */
  async #nextLook(): Promise<boolean> {
    const { signal } = this.#stop;
    await setTimeout(everyMs, undefined, { signal }).catch(() => {});
    return !signal.aborted;
  }

  #isBeyond(): boolean {
    return process.memoryUsage.rss() - this.#idleBytes > this.#duck.memoryBytes + beyondBytesMax;
  }

  /** Whether DuckDB holds too much that it cannot write to disk, or has written too much to disk. */
  async #excessAt(look: number, session: Session): Promise<Excess | undefined> {
    if (look % looksPerQuestion !== 0) return undefined;
    const [row] = await session.rows(
      `SELECT CAST(sum(memory_usage_bytes) FILTER (tag = 'ALLOCATOR') AS DOUBLE) AS held,
         CAST(sum(temporary_storage_bytes) AS DOUBLE) AS spilled
       FROM duckdb_memory()`,
    );
    const spilled = Number(row?.["spilled"]);
    if (spilled > 0) this.#writeBack();
    if (Number(row?.["held"]) > this.#duck.memoryBytes * heldShare) return "QUERY_MEMORY";
    return spilled > this.#duck.spillBytes * spilledShare ? "QUERY_DISK" : undefined;
  }

  /** Does nothing if the last round has not ended. */
  #writeBack(): void {
    this.#writingBack ??= writeBack(this.#duck.temporaryDirectory)
      .catch((error: unknown) => {
        log.warn({ reason: messageOf(error) }, "Temporary files could not be written to disk");
      })
      .finally(() => (this.#writingBack = undefined));
  }
}

/**
 * Makes the kernel write a directory's files to disk. Otherwise it gathers gigabytes first, and every commit, both the
 * warehouse's and those of a source on the same disk, waits until they are written.
 */
async function writeBack(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const file = await open(join(directory, name), "r+").catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    });
    try {
      await file?.datasync();
    } finally {
      await file?.close();
    }
  }
}
