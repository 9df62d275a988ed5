import { assert, present } from "../base/assert.ts";
import type { Piece, TupleLayout, TupleRun } from "../model/replication/tuple.ts";

/** A tuple by the number of its region and its offset there. */
export interface TupleRef {
  readonly region: number;
  readonly offset: number;
}

export interface NumberedRegion {
  readonly layout: TupleLayout;
  readonly bytes: Uint8Array;
}

const overlayBytes = 256 * 1024;

/** The regions that contain a batch's tuples, by number; composed tuples get regions of their own. */
export class Regions {
  readonly #regions: NumberedRegion[] = [];
  #overlay = { number: -1, used: 0 };

  add(layout: TupleLayout, bytes: Uint8Array): number {
    const last = this.#regions.length - 1;
    if (this.#regions[last]?.bytes === bytes) return last;
    return this.#regions.push({ layout, bytes }) - 1;
  }

  get(number: number): NumberedRegion {
    return present(this.#regions[number], "a region has the number that it was given");
  }

  /** Writes a tuple composed of fields of other tuples. */
  compose(layout: TupleLayout, pieces: readonly Piece[]): TupleRef {
    const size = layout.sizeOf(pieces);
    let region = this.#regions[this.#overlay.number];
    if (region === undefined || region.layout !== layout || this.#overlay.used + size > region.bytes.length) {
      region = { layout, bytes: new Uint8Array(Math.max(overlayBytes, size)) };
      this.#overlay = { number: this.#regions.push(region) - 1, used: 0 };
    }
    const offset = this.#overlay.used;
    this.#overlay.used = layout.compose(pieces, region.bytes, offset);
    assert(this.#overlay.used === offset + size, "a composed tuple has the size that was announced");
    return { region: this.#overlay.number, offset };
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

/** Runs in exactly the order in which tuples were added. */
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
