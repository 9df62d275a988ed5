/** Rows of a table; `isEstimate`: includes deleted rows, or is out of date. */
export interface RowCount {
  readonly rows: number;
  readonly isEstimate: boolean;
}

interface Count {
  readonly rows: number;
  /** On the clock of `performance.now`. */
  readonly againAtMs: number;
}

const tablesAtOnceMax = 100;
const rowsAtOnceMax = 1_000_000;
/** DuckDB counts a hundred times as fast, so counting takes no more than a hundredth of the time. */
const rowsPerMs = 1_000;

/**
 * How many rows physical tables have. DuckDB's own estimate includes deleted rows, so tables are counted: each once,
 * and again after a commit has changed it, large ones less often.
 */
export class RowCounts {
  readonly #counts = new Map<string, Count>();
  /** Changed by a commit since they were last counted. */
  readonly #stale = new Set<string>();
  /** Changed by the open transaction. */
  readonly #changed = new Set<string>();

  /** Notes that the open transaction changes rows of a table. */
  note(table: string): void {
    this.#changed.add(table);
  }

  commit(): void {
    this.committed(this.#changed);
    this.#changed.clear();
  }

  /** Notes that another transaction has changed rows of these tables. */
  committed(tables: ReadonlySet<string>): void {
    for (const table of tables) this.#stale.add(table);
  }

  rollback(): void {
    this.#changed.clear();
  }

  /**
   * Counts of the tables in `estimates`, which maps tables to DuckDB's estimates. `count` counts some of them, as of
   * the last commit.
   */
  async of(
    estimates: ReadonlyMap<string, number>,
    count: (tables: readonly string[]) => Promise<ReadonlyMap<string, number>>,
  ): Promise<ReadonlyMap<string, RowCount>> {
    this.#forget(estimates);
    const due = this.#due(estimates);
    // Before counting: what a commit changes in the meantime becomes stale again.
    for (const table of due) this.#stale.delete(table);
    const counted = due.length === 0 ? new Map<string, number>() : await count(due);
    for (const table of due) this.#keep(table, counted.get(table));
    return new Map([...estimates].map(([table, estimate]) => [table, this.#count(table, estimate)]));
  }

  #due(estimates: ReadonlyMap<string, number>): string[] {
    const nowMs = performance.now();
    const waiting = [...estimates].filter(([table]) => {
      const before = this.#counts.get(table);
      return before === undefined || (this.#stale.has(table) && nowMs >= before.againAtMs);
    });
    const due: string[] = [];
    let rows = 0;
    for (const [table, estimate] of waiting.toSorted((a, b) => a[1] - b[1])) {
      rows += estimate;
      if (due.length > 0 && (due.length === tablesAtOnceMax || rows > rowsAtOnceMax)) break;
      due.push(table);
    }
    return due;
  }

  /** A table that could not be counted no longer exists, or is counted next time. */
  #keep(table: string, rows: number | undefined): void {
    if (rows === undefined) this.#stale.add(table);
    else this.#counts.set(table, { rows, againAtMs: performance.now() + rows / rowsPerMs });
  }

  #count(table: string, estimate: number): RowCount {
    const counted = this.#counts.get(table);
    if (counted === undefined) return { rows: estimate, isEstimate: true };
    return { rows: counted.rows, isEstimate: this.#stale.has(table) };
  }

  #forget(tables: ReadonlyMap<string, number>): void {
    for (const table of this.#counts.keys()) if (!tables.has(table)) this.#counts.delete(table);
    for (const table of this.#stale) if (!tables.has(table)) this.#stale.delete(table);
  }
}
