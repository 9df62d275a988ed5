import { logger } from "../../../base/log.ts";
import { writeFailure } from "./duck-errors.ts";
import type { Session } from "./session.ts";

const log = logger("duckdb");

/** If less than this has been applied, releasing memory is not worthwhile. */
const appliedBytesMin = 32 * 1024 ** 2;
/** Writers that apply less than this in an interval are considered quiet. */
const quietBytesMax = 4 * 1024 ** 2;
const quietMemory = "64MB";

interface GiveBackParts {
  /** A dedicated session. */
  readonly session: Session;
  readonly memoryBytes: number;
  /** Whether a reader is active: then memory is needed. */
  readonly isRead: () => boolean;
  readonly everyMs?: number;
}

/**
 * Returns DuckDB's memory to the machine when much has been written and the writers are quiet again. DuckDB keeps what
 * it has read and written up to its limit; the only way to make it release that is to lower the limit for a moment.
 */
export class GiveBack {
  readonly #parts: GiveBackParts;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> = Promise.resolve();
  #isGiving = false;
  /** Since memory was last released. */
  #appliedBytes = 0;
  #beforeInterval = 0;

  constructor(parts: GiveBackParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => {
      const isQuiet = this.#appliedBytes - this.#beforeInterval <= quietBytesMax;
      this.#beforeInterval = this.#appliedBytes;
      if (this.#isGiving || !isQuiet || this.#appliedBytes < appliedBytesMin || parts.isRead()) return;
      this.#running = this.#give().catch((error: unknown) => {
        log.warn({ reason: writeFailure(error).message }, "The warehouse's memory could not be given back");
      });
    }, parts.everyMs ?? 10_000);
    this.#timer.unref();
  }

  applied(bytes: number): void {
    this.#appliedBytes += bytes;
  }

  /** Resolves when the session is no longer used. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #give(): Promise<void> {
    const { session, memoryBytes } = this.#parts;
    const before = this.#appliedBytes;
    this.#isGiving = true;
    try {
      // Refused if more is in use: then it is retried.
      const isGiven = await session.run(`SET GLOBAL memory_limit = '${quietMemory}'`).then(
        () => true,
        () => false,
      );
      await session.run(`SET GLOBAL memory_limit = '${memoryBytes}B'`);
      if (!isGiven) return;
      this.#appliedBytes -= before;
      this.#beforeInterval = 0;
    } finally {
      this.#isGiving = false;
    }
  }
}
