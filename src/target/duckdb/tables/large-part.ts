import type { RowSizes } from "./row-sizes.ts";

/** The column of a large part that no source table has: the bytes of a row's texts, NULL in a filler. */
export const sizeColumn = "bytes";

const suffix = "_large";

/** The name of the table with the large rows of a physical table. */
export function largePartOf(table: string): string {
  return `${table}${suffix}`;
}

/** From the names of tables, those of the physical tables that have a large part. */
export function withLargePart(names: readonly string[]): string[] {
  const all = new Set(names);
  return names.filter((name) => all.has(largePartOf(name)));
}

const rowGroupRows = 122_880;
const hugeGroups = 4;

/**
 * Where the large rows of one physical table are stored.
 *
 * DuckDB reads, writes and commits 2,048 rows at a time, and all of their values are in memory then, whatever their
 * size. So large rows are separated by rows without values, fillers: among `groupRows` rows, large ones have at most
 * `groupBytes`, or there is only one. Deleted rows disappear, fillers stay, so large rows never move closer together.
 */
export class LargePart {
  /** Qualified and quoted. */
  readonly sql: string;
  readonly #sizes: RowSizes;
  /** Rows and bytes of the last group; undefined if not known. */
  #last: { rows: number; bytes: number } | undefined;

  constructor(sql: string, sizes: RowSizes) {
    this.sql = sql;
    this.#sizes = sizes;
  }

  /** Counts a row that is written next; returns how many fillers precede it. */
  place(bytes: number): number {
    const { largeBytes, groupBytes, groupRows } = this.#sizes;
    const rowsMax = Math.ceil(groupBytes / largeBytes);
    const last = this.#last;
    if (last !== undefined && last.rows < rowsMax && last.bytes + bytes <= groupBytes) {
      last.rows += 1;
      last.bytes += bytes;
      return 0;
    }
    this.#last = { rows: 1, bytes };
    return groupRows - (last?.rows ?? 0);
  }

  /**
   * How many fillers follow a row immediately. DuckDB writes rows that fill a row group directly to the file, and
   * others to its log first, for which a row of hundreds of megabytes would be in memory several more times.
   */
  complete(bytes: number): number {
    const { groupBytes, groupRows } = this.#sizes;
    if (bytes < groupBytes * hugeGroups) return 0;
    this.#last = { rows: groupRows, bytes };
    return rowGroupRows;
  }

  /** What was written last may have been rolled back. */
  forget(): void {
    this.#last = undefined;
  }
}
