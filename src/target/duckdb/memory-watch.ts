import { setTimeout } from "node:timers/promises";
import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { DuckDb } from "./duck-db.ts";
import type { Session } from "./session.ts";

const log = logger("duckdb");

const everyMs = 25;
/** Asking DuckDB costs more than asking the kernel. */
const looksPerQuestion = 4;
/** Why a query has to be stopped. */
export type Excess = "QUERY_MEMORY" | "QUERY_DISK";

/** Of the memory limit: as much of it as queries may hold in a form that DuckDB cannot write to disk. */
const heldShare = 0.4;
/** Of the process, beyond DuckDB's limit and what the process takes without queries. */
const beyondBytesMax = 256 * 1024 ** 2;

/** Of the space for temporary files, which a transaction needs as well. */
const spilledShare = 0.5;

/**
 * Looks at the memory and the temporary files while queries run. DuckDB's limits are for replication and queries together,
 * and know nothing of the values that a step makes: when queries take more than their part, `relieve` is called to stop
 * one of them, before replication has to.
 */
export class MemoryWatch implements AsyncDisposable {
  readonly #relieve: (excess: Excess) => Promise<void>;
  readonly #stop = new AbortController();
  readonly #idleBytes = process.memoryUsage.rss();
  readonly #running: Promise<void>;

  constructor(duck: DuckDb, relieve: (excess: Excess) => Promise<void>) {
    this.#relieve = relieve;
    this.#running = this.#run(duck).catch((error: unknown) => {
      log.warn({ reason: messageOf(error) }, "The memory that queries take is not known");
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(duck: DuckDb): Promise<void> {
    const { signal } = this.#stop;
    // Most queries have ended by the first look.
    await setTimeout(everyMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const session = await duck.session();
    try {
      for (let look = 0; !signal.aborted; look++) {
        const excess = this.#isBeyond(duck.memoryBytes)
          ? "QUERY_MEMORY"
          : look % looksPerQuestion === 0
            ? await excessOf(session, duck)
            : undefined;
        if (excess !== undefined) await this.#relieve(excess);
        await setTimeout(everyMs, undefined, { signal }).catch(() => {});
      }
    } finally {
      session.close();
    }
  }

  #isBeyond(limit: number): boolean {
    return process.memoryUsage.rss() - this.#idleBytes > limit + beyondBytesMax;
  }
}

/** Whether DuckDB holds too much that it cannot write to disk, or has written too much there. */
async function excessOf(session: Session, { memoryBytes, spillBytes }: DuckDb): Promise<Excess | undefined> {
  const [row] = await session.rows(
    `SELECT CAST(sum(memory_usage_bytes) FILTER (tag = 'ALLOCATOR') AS DOUBLE) AS held,
       CAST(sum(temporary_storage_bytes) AS DOUBLE) AS spilled
     FROM duckdb_memory()`,
  );
  if (Number(row?.["held"]) > memoryBytes * heldShare) return "QUERY_MEMORY";
  return Number(row?.["spilled"]) > spillBytes * spilledShare ? "QUERY_DISK" : undefined;
}
