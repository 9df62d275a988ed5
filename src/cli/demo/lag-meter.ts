import type pg from "pg";
import { pause } from "../../base/backoff.ts";
import { TaskGroup } from "../../base/task-group.ts";
import type { QueryLine } from "../../model/operator.ts";

export interface LagMeterParts {
  /** A dedicated connection to the shop. */
  readonly shop: pg.Client;
  readonly query: (sql: string, signal: AbortSignal) => AsyncIterable<QueryLine>;
  /** The destination database. */
  readonly database: string;
}

export interface LagMeasures {
  readonly samples: number;
  readonly p50Seconds: number;
  readonly p99Seconds: number;
}

/** Created by `LagMeter.prepare`; replicated like every other table. */
const table = "heartbeat";
const everyMs = 200;

/**
 * Measures the lag that a user observes: the time from the acknowledgment of a commit in the shop until a query of the
 * warehouse returns the row. Measures one row at a time, so that a late row delays the next.
 */
export class LagMeter implements AsyncDisposable {
  readonly #parts: LagMeterParts;
  readonly #tasks = new TaskGroup();
  readonly #secondsSeen: number[] = [];

  private constructor(parts: LagMeterParts) {
    this.#parts = parts;
    this.#tasks.run((signal) => this.#measure(signal));
  }

  static async prepare(shop: pg.Client): Promise<void> {
    await shop.query(`CREATE TABLE ${table} (id int PRIMARY KEY, beat bigint NOT NULL)`);
    await shop.query(`INSERT INTO ${table} VALUES (1, 0)`);
  }

  /** Call it when the warehouse is live. */
  static start(parts: LagMeterParts): LagMeter {
    return new LagMeter(parts);
  }

  /** Undefined before the first row has arrived. */
  measures(): LagMeasures | undefined {
    const seen = this.#secondsSeen.toSorted((a, b) => a - b);
    if (seen.length === 0) return undefined;
    return { samples: seen.length, p50Seconds: quantile(seen, 0.5), p99Seconds: quantile(seen, 0.99) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
  }

  async #measure(signal: AbortSignal): Promise<void> {
    for (let beat = 1; ; beat += 1) {
      await this.#parts.shop.query(`UPDATE ${table} SET beat = $1 WHERE id = 1`, [beat]);
      const committed = performance.now();
      while ((await this.#visible(signal)) < beat) signal.throwIfAborted();
      const waitedMs = performance.now() - committed;
      this.#secondsSeen.push(waitedMs / 1000);
      await pause(Math.max(1, everyMs - waitedMs), signal);
    }
  }

  async #visible(signal: AbortSignal): Promise<number> {
    const database = this.#parts.database.replaceAll('"', '""');
    let beat = -1;
    for await (const line of this.#parts.query(`SELECT beat FROM "${database}".public.${table}`, signal))
      if ("rows" in line) beat = Number(line.rows[0]?.[0] ?? beat);
    return beat;
  }
}

/** For numbers in ascending order, at least one: the smallest that `share` of them do not exceed. */
function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(ascending.length * share) - 1)] ?? 0;
}
