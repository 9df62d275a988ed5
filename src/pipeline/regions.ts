import { assert, present } from "../base/assert.ts";
import type { Piece, TupleLayout, TupleRun } from "../model/replication/tuple.ts";

/** A tuple, identified by the number of its region and its offset in it. */
export interface TupleRef {
  readonly region: number;
  readonly offset: number;
}

/** Bytes, and the layout of the tuples that are read from them. */
export interface NumberedRegion {
  readonly layout: TupleLayout;
  readonly bytes: Uint8Array;
}

const overlayBytes = 256 * 1024;

/**
 * The regions that contain a batch's tuples, by number: bytes that contain tuples of several layouts have several
 * numbers. Composed tuples get regions of their own.
 */
export class Regions {
  readonly #regions: NumberedRegion[] = [];
  /** For composed tuples of any layout. */
  #overlay = new Uint8Array(0);
  #used = 0;

  add(layout: TupleLayout, bytes: Uint8Array): number {
    const last = this.#regions.length - 1;
    if (this.#is(last, layout, bytes)) return last;
    return this.#regions.push({ layout, bytes }) - 1;
  }

  get(number: number): NumberedRegion {
    return present(this.#regions[number], "a region has the number that it was given");
  }

  /**
   * Writes a tuple composed of fields of other tuples. `last`: the region of the caller's last composed tuple, which the
   * new one joins if possible; −1 if there is none.
   */
  compose(layout: TupleLayout, pieces: readonly Piece[], last: number): TupleRef {
    const size = layout.sizeOf(pieces);
    if (this.#used + size > this.#overlay.length) {
      this.#overlay = new Uint8Array(Math.max(overlayBytes, size));
      this.#used = 0;
    }
    const region = this.#is(last, layout, this.#overlay) ? last : this.add(layout, this.#overlay);
    const offset = this.#used;
    this.#used = layout.compose(pieces, this.#overlay, offset);
    assert(this.#used === offset + size, "a composed tuple has the size that was announced");
    return { region, offset };
  }

  #is(number: number, layout: TupleLayout, bytes: Uint8Array): boolean {
    const region = this.#regions[number];
    return region?.bytes === bytes && region.layout === layout;
  }
}

/** Collects tuples and groups them by region, preserving the order within each. */
export class RunBuilder {
  readonly #regions: Regions;
  readonly #offsets = new Map<number, number[]>();

  constructor(regions: Regions) {
    this.#regions = regions;
  }

  add(region: number, offset: number): void {
    const offsets = this.#offsets.get(region);
    if (offsets === undefined) this.#offsets.set(region, [offset]);
    else offsets.push(offset);
  }

  runs(): TupleRun[] {
    return [...this.#offsets].map(([number, offsets]) => {
      const { layout, bytes } = this.#regions.get(number);
      return { layout, region: bytes, offsets: Int32Array.from(offsets) };
    });
  }
}

/** Like `RunBuilder`, for pairs: the runs of both sides keep the pairs in the same order. */
export class PairRunBuilder {
  readonly #left: SequenceBuilder;
  readonly #right: SequenceBuilder;

  constructor(regions: Regions) {
    this.#left = new SequenceBuilder(regions);
    this.#right = new SequenceBuilder(regions);
  }

  add(left: TupleRef, right: TupleRef): void {
    this.#left.add(left);
    this.#right.add(right);
  }

  runs(): { readonly left: TupleRun[]; readonly right: TupleRun[] } {
    return { left: this.#left.runs(), right: this.#right.runs() };
  }
}

/** Builds runs that preserve exactly the order in which tuples were added. */
class SequenceBuilder {
  readonly #regions: Regions;
  readonly #runs: { readonly region: number; readonly offsets: number[] }[] = [];

  constructor(regions: Regions) {
    this.#regions = regions;
  }

  add(tuple: TupleRef): void {
    const last = this.#runs.at(-1);
    if (last?.region === tuple.region) last.offsets.push(tuple.offset);
    else this.#runs.push({ region: tuple.region, offsets: [tuple.offset] });
  }

  runs(): TupleRun[] {
    return this.#runs.map(({ region, offsets }) => {
      const { layout, bytes } = this.#regions.get(region);
      return { layout, region: bytes, offsets: Int32Array.from(offsets) };
    });
  }
}
