import { asPosition, type Position } from "../../../model/replication/position.ts";
import { formatLsn, parseLsn, type Lsn } from "../stream/lsn.ts";

/** Stored by the target with the copied rows of one table: what a restart needs to continue its copy. */
export interface TableProgress {
  /** The position of the snapshot with which the copy began. */
  readonly start: string;
  /** The snapshot, as `pg_current_snapshot` shows it. */
  readonly snapshot: string;
  /** As in `CopyJob`. */
  readonly pages: readonly number[];
  /** The pieces that the target holds: ranges such as `0-7,9`. */
  readonly done: string;
  /** Some of the pieces were read after a restart, and thus with a later snapshot. */
  readonly isMixed: boolean;
}

/** Stored by the target as the position of all copies. */
export interface CopiesState {
  /** Numbers the positions of one run. */
  readonly number: number;
  readonly start: Lsn;
  /** The copied tables contain what was committed before. */
  readonly at: Lsn;
  /**
   * For copies that were resumed: until the copied tables have reached this position, they may contain later versions
   * of rows. `unknown`: pieces are being read, or what is missing afterwards.
   */
  readonly mixedUntil: Lsn | "unknown" | undefined;
}

export function positionOfCopies({ number, start, at, mixedUntil }: CopiesState): Position {
  const mixed = typeof mixedUntil === "bigint" ? formatLsn(mixedUntil) : (mixedUntil ?? "");
  return asPosition([number, formatLsn(start), formatLsn(at), mixed].join(" "));
}

export function parsePositionOfCopies(position: Position): CopiesState {
  const [number = "", start = "", at = "", mixed = ""] = position.split(" ");
  const mixedUntil = mixed === "" ? undefined : mixed === "unknown" ? mixed : parseLsn(mixed);
  return { number: Number(number), start: parseLsn(start), at: parseLsn(at), mixedUntil };
}

/** Indexes of pieces, as few ranges as possible. */
export class PieceSet {
  /** First and last index of each range, ascending. */
  readonly #ranges: [first: number, last: number][];

  constructor(text = "") {
    this.#ranges = text
      .split(",")
      .filter(Boolean)
      .map((range) => {
        const [first = 0, last = first] = range.split("-").map(Number);
        return [first, last];
      });
  }

  get size(): number {
    return this.#ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  }

  has(index: number): boolean {
    return this.#ranges.some(([first, last]) => first <= index && index <= last);
  }

  add(index: number): void {
    const behind = this.#ranges.findIndex(([, last]) => last >= index - 1);
    const range = this.#ranges[behind];
    if (range === undefined) this.#ranges.push([index, index]);
    else if (range[0] > index + 1) this.#ranges.splice(behind, 0, [index, index]);
    else {
      range[0] = Math.min(range[0], index);
      range[1] = Math.max(range[1], index);
      const next = this.#ranges[behind + 1];
      if (next === undefined || next[0] > range[1] + 1) return;
      range[1] = Math.max(range[1], next[1]);
      this.#ranges.splice(behind + 1, 1);
    }
  }

  toString(): string {
    return this.#ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join();
  }
}
