import { setTimeout } from "node:timers/promises";
import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { DuckDb } from "./duck-db.ts";
import type { Session } from "./session.ts";

const log = logger("duckdb");

const everyMs = 25;
/** Asking DuckDB costs more than asking the kernel. */
const looksPerQuestion = 4;
/** Of the memory limit: as much of it as queries may hold in a form that DuckDB cannot write to disk. */
const heldShare = 0.4;
/** Of the process, beyond DuckDB's limit and what the process takes without queries. */
const beyondBytesMax = 256 * 1024 ** 2;

/**
 * Looks at the memory while queries run. DuckDB's limit is for replication and queries together, and knows nothing of the
 * values that a step makes: when queries take more than their part, `relieve` is called to stop one of them, before
 * replication has to.
 */
export class MemoryWatch implements AsyncDisposable {
  readonly #relieve: () => Promise<void>;
  readonly #stop = new AbortController();
  readonly #idleBytes = process.memoryUsage.rss();
  readonly #running: Promise<void>;

  constructor(duck: DuckDb, relieve: () => Promise<void>) {
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
    const { memoryBytes } = duck;
    // Most queries have ended by the first look.
    await setTimeout(everyMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const session = await duck.session();
    try {
      for (let look = 0; !signal.aborted; look++) {
        const isTooMuch =
          this.#isBeyond(memoryBytes) ||
          (look % looksPerQuestion === 0 && (await holds(session, memoryBytes)));
        if (isTooMuch) await this.#relieve();
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

/** Whether DuckDB holds too much that it cannot write to disk. */
async function holds(session: Session, limit: number): Promise<boolean> {
  const [row] = await session.rows(
    "SELECT CAST(sum(memory_usage_bytes) AS DOUBLE) AS held FROM duckdb_memory() WHERE tag = 'ALLOCATOR'",
  );
  return Number(row?.["held"]) > limit * heldShare;
}
