import type { Patch, RowsStep } from "../../../model/replication/delta.ts";
import type { Relation } from "../../../model/replication/relation.ts";
import { TableError } from "../../../model/replication/table-error.ts";
import type { TupleRun } from "../../../model/replication/tuple.ts";

/** Limits on the sizes of rows, in bytes as the source sends them. */
export interface RowSizes {
  /** A row of at least this many bytes is large: it is stored apart from the others. */
  readonly largeBytes: number;
  /** Large rows that are stored close together have at most this many bytes, unless there is only one of them. */
  readonly groupBytes: number;
  /** Rows of such a group together with the fillers after them; at least 2,048 more than the number of large rows. */
  readonly groupRows: number;
  /** A larger row cannot be stored. */
  readonly rowBytesMax: number;
}

/** One tuple that is a large row. */
export interface LargeTuple {
  readonly run: TupleRun;
  readonly offset: number;
  readonly bytes: number;
}

export interface SortedRows {
  readonly small: readonly TupleRun[];
  readonly large: readonly LargeTuple[];
}

/** The new rows of a step. */
export interface SortedStep {
  readonly inserts: SortedRows;
  readonly patches: readonly (Pick<Patch, "unchanged"> & SortedRows)[];
  /** Bytes of the largest row among the large ones that were sent, those that move included; 0 if there are none. */
  readonly largestBytes: number;
}

/** Throws `TableError` ROW_TOO_LARGE. */
export function sortStep(step: RowsStep, sizes: RowSizes): SortedStep {
  const sorted = (runs: readonly TupleRun[]): SortedRows => sortBySize(step.relation, runs, sizes);
  const inserts = sorted(step.inserts);
  const patches = step.patches.map(({ unchanged, tuples }) => ({ unchanged, ...sorted(tuples) }));
  const moves = step.moves.map(({ tuples }) => sorted(tuples));
  let largestBytes = 0;
  for (const { large } of [inserts, ...patches, ...moves])
    for (const { bytes } of large) largestBytes = Math.max(largestBytes, bytes);
  return { inserts, patches, largestBytes };
}

function sortBySize(relation: Relation, runs: readonly TupleRun[], sizes: RowSizes): SortedRows {
  const small: TupleRun[] = [];
  const large: LargeTuple[] = [];
  for (const run of runs) {
    const found = largeTuples(run, sizes.largeBytes);
    if (found.length === 0) {
      small.push(run);
      continue;
    }
    for (const { bytes } of found)
      if (bytes > sizes.rowBytesMax) throw rowTooLarge(relation, bytes, sizes.rowBytesMax);
    large.push(...found);
    const offsets = new Set(found.map(({ offset }) => offset));
    const rest = run.offsets.filter((offset) => !offsets.has(offset));
    if (rest.length > 0) small.push({ ...run, offsets: rest });
  }
  return { small, large };
}

/** Reads only offsets, except for tuples that could be large. */
export function largeTuples(run: TupleRun, largeBytes: number): LargeTuple[] {
  const { layout, region, offsets } = run;
  const found: LargeTuple[] = [];
  if (region.length < largeBytes) return found;
  const count = offsets.length;
  for (let index = 0; index < count; index++) {
    const offset = offsets[index] ?? 0;
    const room = (index + 1 < count ? (offsets[index + 1] ?? 0) : region.length) - offset;
    // If tuples are not in the order of the region, the next offset says nothing about a tuple's size.
    if (room >= 0 && room < largeBytes) continue;
    const bytes = layout.end(region, offset) - offset;
    if (bytes >= largeBytes) found.push({ run, offset, bytes });
  }
  return found;
}

/** Tuples in sequence as runs. */
export function runsOf(tuples: readonly LargeTuple[]): TupleRun[] {
  return tuples.map(({ run, offset }) => ({ ...run, offsets: Int32Array.of(offset) }));
}

const mebibyte = 1024 ** 2;

function rowTooLarge(table: Relation, bytes: number, bytesMax: number): TableError {
  const size = (count: number): string => `${(count / mebibyte).toFixed(1)} MiB`;
  const message = `A row has ${size(bytes)}, and the warehouse can store rows of up to ${size(bytesMax)}, two fifths of its memory.`;
  return new TableError({ code: "ROW_TOO_LARGE", table, message });
}
