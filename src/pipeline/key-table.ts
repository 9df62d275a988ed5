import type { Regions } from "./regions.ts";

const firstCapacity = 256;

/**
 * Numbers the distinct keys of tuples: a hash table over the keys' raw bytes, which are not copied. Equal bytes are
 * equal keys; a source sends the same bytes for a row's key each time, as long as the key does not change.
 */
export class KeyTable {
  readonly #regions: Regions;
  readonly #columns: readonly number[];
  #slots = new Int32Array(firstCapacity * 2).fill(-1);
  #hashes = new Int32Array(firstCapacity);
  #tupleRegions = new Int32Array(firstCapacity);
  #tupleOffsets = new Int32Array(firstCapacity);
  #count = 0;
  #added = false;
  // Fields of the key being looked up, and of the candidate that it is compared with.
  readonly #starts: Int32Array;
  readonly #lengths: Int32Array;
  readonly #otherStarts: Int32Array;
  readonly #otherLengths: Int32Array;

  /** `columns`: indexes of the key columns. */
  constructor(regions: Regions, columns: readonly number[]) {
    this.#regions = regions;
    this.#columns = columns.toSorted((a, b) => a - b);
    this.#starts = new Int32Array(columns.length);
    this.#lengths = new Int32Array(columns.length);
    this.#otherStarts = new Int32Array(columns.length);
    this.#otherLengths = new Int32Array(columns.length);
  }

  get count(): number {
    return this.#count;
  }

  /** Whether the last `numberOf` saw its key for the first time. */
  get added(): boolean {
    return this.#added;
  }

  /** The number of the tuple's key: 0, 1, 2 … in the order in which keys are first seen. */
  numberOf(region: number, offset: number): number {
    const { layout, bytes } = this.#regions.get(region);
    layout.locateFew({ region: bytes, offset, columns: this.#columns }, this.#starts, this.#lengths);
    const hash = hashFields(bytes, this.#starts, this.#lengths);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const number = this.#slots[slot] ?? -1;
      if (number < 0) return this.#add(slot, { hash, region, offset });
      if (this.#hashes[number] === hash && this.#matches(number, bytes)) {
        this.#added = false;
        return number;
      }
    }
  }

  /** A tuple that has the key of that number: the first one seen. */
  regionOf(number: number): number {
    return this.#tupleRegions[number] ?? 0;
  }

  offsetOf(number: number): number {
    return this.#tupleOffsets[number] ?? 0;
  }

  #matches(number: number, bytes: Uint8Array): boolean {
    const { layout, bytes: other } = this.#regions.get(this.regionOf(number));
    const offset = this.offsetOf(number);
    layout.locateFew(
      { region: other, offset, columns: this.#columns },
      this.#otherStarts,
      this.#otherLengths,
    );
    for (let field = 0; field < this.#columns.length; field++) {
      const length = this.#lengths[field] ?? 0;
      if (length !== this.#otherLengths[field]) return false;
      const start = this.#starts[field] ?? 0;
      if (
        length > 0 &&
        !sameBytes(bytes, start, { bytes: other, start: this.#otherStarts[field] ?? 0, length })
      )
        return false;
    }
    return true;
  }

  #add(slot: number, entry: { hash: number; region: number; offset: number }): number {
    const number = this.#count;
    if (number === this.#hashes.length) {
      this.#grow();
      return this.#add(this.#freeSlot(entry.hash), entry);
    }
    this.#slots[slot] = number;
    this.#hashes[number] = entry.hash;
    this.#tupleRegions[number] = entry.region;
    this.#tupleOffsets[number] = entry.offset;
    this.#count = number + 1;
    this.#added = true;
    return number;
  }

  #grow(): void {
    const capacity = this.#hashes.length * 2;
    this.#hashes = grown(this.#hashes, capacity);
    this.#tupleRegions = grown(this.#tupleRegions, capacity);
    this.#tupleOffsets = grown(this.#tupleOffsets, capacity);
    this.#slots = new Int32Array(capacity * 2).fill(-1);
    for (let number = 0; number < this.#count; number++)
      this.#slots[this.#freeSlot(this.#hashes[number] ?? 0)] = number;
  }

  #freeSlot(hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while ((this.#slots[slot] ?? -1) >= 0) slot = (slot + 1) & mask;
    return slot;
  }
}

/** A longer copy of an array, with the new part filled with zeros. */
export function grown(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(length);
  longer.set(array);
  return longer;
}

// FNV-1a over the fields' bytes and lengths, with a final mix because the low bits select the slot.
function hashFields(bytes: Uint8Array, starts: Int32Array, lengths: Int32Array): number {
  let hash = 0x811c9dc5;
  for (let field = 0; field < starts.length; field++) {
    const start = starts[field] ?? 0;
    const length = lengths[field] ?? 0;
    hash = Math.imul(hash ^ length, 0x01000193);
    for (let at = start; at < start + length; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  }
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

function sameBytes(
  bytes: Uint8Array,
  start: number,
  other: { bytes: Uint8Array; start: number; length: number },
): boolean {
  for (let at = 0; at < other.length; at++)
    if (bytes[start + at] !== other.bytes[other.start + at]) return false;
  return true;
}
