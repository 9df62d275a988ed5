import { TableError, type SuspectError } from "../../model/replication/table-error.ts";

/** So often, and for so long, a table may fail the stream before it is set aside: something else may pass meanwhile. */
const triesMax = 5;
const patienceMs = 20_000;
/** A table that has not failed the stream for so long is innocent again. */
const forgottenAfterMs = 10 * 60_000;

interface Suspicion {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly tries: number;
}

/**
 * Tables that the stream wrote when it failed. One that fails it again and again is set aside, so that the others go on:
 * an error is never retried for ever. A commit in between is no progress, since a copy that fails begins again.
 */
export class Suspects {
  readonly #suspicions = new Map<string, Suspicion>();

  /** The failure of the table that the error is about, once that is enough. */
  evaluate(error: SuspectError, nowMs: number): TableError | undefined {
    const { id } = error.table;
    const found = this.#suspicions.get(id);
    const before = found !== undefined && nowMs - found.lastMs < forgottenAfterMs ? found : undefined;
    const now = { firstMs: before?.firstMs ?? nowMs, lastMs: nowMs, tries: (before?.tries ?? 0) + 1 };
    this.#suspicions.set(id, now);
    if (now.tries < triesMax || nowMs - now.firstMs < patienceMs) return undefined;
    this.#suspicions.delete(id);
    const { code, message, table } = error;
    const again = "Remove the table from the data filter and add it again to copy it.";
    return new TableError({
      code,
      table,
      message: `${message} The stream failed ${now.tries} times while it wrote this table, which was set aside.`,
      fix: code === "TARGET_OUT_OF_MEMORY" ? `${error.fix} ${again}` : again,
      cause: error,
    });
  }
}
