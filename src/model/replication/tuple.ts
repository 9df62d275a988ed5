import { vectorRowsMax } from "./vector.ts";

/** Length of a field that is NULL. */
export const fieldNull = -1;
/** Length of a field whose value the source did not send because it has not changed (unchanged TOAST). */
export const fieldUnchanged = -2;

/**
 * Where the fields of up to `vectorRowsMax` tuples are in one region, column by column: the field of row r, column c
 * has index `c * vectorRowsMax + r`.
 */
export class Fields {
  region: Uint8Array;
  readonly starts: Int32Array;
  /** Bytes, or `fieldNull`, or `fieldUnchanged`. */
  readonly lengths: Int32Array;

  constructor(columns: number) {
    this.region = new Uint8Array(0);
    this.starts = new Int32Array(columns * vectorRowsMax);
    this.lengths = new Int32Array(columns * vectorRowsMax);
  }
}

/** The tuples of a region to read: `count` ≤ `vectorRowsMax` offsets from index `first`. */
export interface TupleSpan {
  readonly region: Uint8Array;
  readonly offsets: Int32Array;
  readonly first: number;
  readonly count: number;
}

/** Some columns, in ascending order, of the tuple at `offset`. */
export interface FewFields {
  readonly region: Uint8Array;
  readonly offset: number;
  readonly columns: readonly number[];
}

/** How an engine lays a tuple out in bytes. */
export interface TupleLayout {
  /** Fills `out.region`, and the fields of rows 0 … count − 1 for columns 0 … columns − 1. */
  readonly locate: (span: TupleSpan, columns: number, out: Fields) => void;
  /**
   * Where a few fields of one tuple are, such as those of its key: entry i of `starts` and `lengths` belongs to
   * `columns[i]`. Reads no further than the last of them. For hashing and comparing raw bytes.
   */
  readonly locateFew: (wanted: FewFields, starts: Int32Array, lengths: Int32Array) => void;
  /** The offset after the tuple at `offset`. */
  readonly end: (region: Uint8Array, offset: number) => number;
  /**
   * Writes a tuple of the same layout from fields of other tuples, at `at` of `out`; returns the offset after it.
   * `sizeOf` returns the number of bytes that the same pieces require.
   */
  readonly compose: (pieces: readonly Piece[], out: Uint8Array, at: number) => number;
  readonly sizeOf: (pieces: readonly Piece[]) => number;
}

/** One field of some tuple. */
export interface Piece {
  readonly region: Uint8Array;
  readonly start: number;
  readonly length: number;
}

/** Tuples of one relation in one region, in order. */
export interface TupleRun {
  readonly layout: TupleLayout;
  readonly region: Uint8Array;
  readonly offsets: Int32Array;
}
