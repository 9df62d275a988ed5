import { TableError, type SuspectError } from "../../model/replication/table-error.ts";

/**
 * How often, and for how long, a table may fail the stream before it is set aside: another cause may pass meanwhile.
 */
const triesMax = 5;
const patienceMs = 20_000;
/** After this long without failing the stream, a table is no longer a suspect. */
const forgottenAfterMs = 10 * 60_000;

interface Suspicion {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly tries: number;
}

/**
 * Tables that the stream was writing when it failed. A table that fails it repeatedly is set aside, so that the others
 * continue: an error is never retried forever. A commit in between is not progress, since a failed copy starts over.
 */
export class Suspects {
  readonly #suspicions = new Map<string, Suspicion>();

  /** The failure of the table in the error, once it has failed often enough. */
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
