import { logger } from "../../../base/log.ts";
import { writeFailure } from "./duck-errors.ts";
import type { Session } from "./session.ts";

const log = logger("duckdb");

/** After less than this there is nothing that is worth giving back. */
const appliedBytesMin = 32 * 1024 ** 2;
/** Writers that apply less than this in an interval are quiet. */
const quietBytesMax = 4 * 1024 ** 2;
const quietMemory = "64MB";

interface GiveBackParts {
  /** Of its own. */
  readonly session: Session;
  readonly memoryBytes: number;
  /** Whether somebody reads now: then memory is needed. */
  readonly isRead: () => boolean;
  readonly everyMs?: number;
}

/**
 * Gives DuckDB's memory back to the machine when much has been written and the writers are quiet again. DuckDB keeps what
 * it has read and written up to its limit; the only way to make it let go of that is a lower limit, for a moment.
 */
export class GiveBack {
  readonly #parts: GiveBackParts;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> = Promise.resolve();
  #isGiving = false;
  /** Since memory was given back the last time. */
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

  /** Resolves when the session is not used any more. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #give(): Promise<void> {
    const { session, memoryBytes } = this.#parts;
    const before = this.#appliedBytes;
    this.#isGiving = true;
    try {
      // Refused where more is in use: then it is tried again.
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
