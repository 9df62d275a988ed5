/**
 * Of each column of a table, DuckDB holds the rows behind the last checkpoint in a segment that is this large from its
 * first row on, and that it does not write to disk before the next one.
 */
const segmentBytes = 22 * 1024;

/** The memory that tables take which have been written to since the last checkpoint. */
export class OpenSegments {
  readonly #tables = new Set<string>();
  #bytes = 0;

  /** About so much; more than this for tables whose rows fill more than a segment, of which DuckDB can let go. */
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
