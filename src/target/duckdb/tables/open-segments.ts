/**
 * For each column of a table, DuckDB keeps the rows after the last checkpoint in a segment that has this size from its
 * first row on, and that is not written to disk before the next checkpoint.
 */
const segmentBytes = 22 * 1024;

/** The memory used by tables that have been written to since the last checkpoint. */
export class OpenSegments {
  readonly #tables = new Set<string>();
  #bytes = 0;

  /**
   * Approximate; more than this for tables whose rows fill more than one segment, but DuckDB can evict the full ones.
   */
  get bytes(): number {
    return this.#bytes;
  }

  wrote(table: string, columns: number): void {
    if (this.#tables.has(table)) return;
    this.#tables.add(table);
    this.#bytes += columns * segmentBytes;
  }

  checkpointed(): void {
    this.#tables.clear();
    this.#bytes = 0;
  }
}
