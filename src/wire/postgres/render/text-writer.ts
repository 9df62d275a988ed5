import { ValueError } from "../../../model/replication/relation.ts";

/** Replacements of bytes, indexed by byte; undefined for bytes that stay unchanged. */
export type Escapes = readonly (Uint8Array | undefined)[];

/** From bytes and the ASCII text that replaces each; of two entries for one byte the later wins. */
export function escapesFrom(entries: readonly (readonly [byte: number, text: string])[]): Escapes {
  const escapes = Array.from<Uint8Array | undefined>({ length: 256 });
  for (const [byte, text] of entries) escapes[byte] = Uint8Array.from(Buffer.from(text));
  return escapes;
}

const capacityStart = 4096;
/** Memory that an idle writer keeps. */
const capacityKept = 4 * 1024 * 1024;
/** Vectors count bytes in 32 bits. */
const capacityMax = 0x7fff_ffff;

/** UTF-8 text of many values, concatenated. */
export class TextWriter {
  bytes = new Uint8Array(capacityStart);
  length = 0;

  byte(value: number): void {
    if (this.length === this.bytes.length) this.#grow(1);
    this.bytes[this.length] = value;
    this.length += 1;
  }

  /** Appends ASCII text. */
  ascii(text: string): void {
    this.reserve(text.length);
    for (let index = 0; index < text.length; index += 1)
      this.bytes[this.length + index] = text.charCodeAt(index);
    this.length += text.length;
  }

  copy(bytes: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    // For short pieces, the usual case, a loop is faster than creating a view.
    if (end - start > 64) this.bytes.set(bytes.subarray(start, end), this.length);
    else
      for (let index = start; index < end; index += 1)
        this.bytes[this.length + index - start] = bytes[index] as number;
    this.length += end - start;
  }

  /** An integer of at least `digits` digits; 0 ≤ value. */
  padded(value: number, digits: number): void {
    if (digits !== 2 || value > 99) {
      this.ascii(String(value).padStart(digits, "0"));
      return;
    }
    this.byte(zero + Math.floor(value / 10));
    this.byte(zero + (value % 10));
  }

  /** Reserves `count` bytes, so that they may be written to `bytes` directly. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(count);
  }

  /** Escapes what has been written since `from`. */
  escape(from: number, escapes: Escapes): void {
    let extra = 0;
    for (let index = from; index < this.length; index += 1)
      extra += (escapes[this.bytes[index] as number]?.length ?? 1) - 1;
    if (extra === 0) return;
    this.reserve(extra);
    const { bytes } = this;
    let to = this.length + extra;
    for (let index = this.length - 1; index >= from; index -= 1) {
      const value = bytes[index] as number;
      const escape = escapes[value];
      to -= escape?.length ?? 1;
      if (escape === undefined) bytes[to] = value;
      else bytes.set(escape, to);
    }
    this.length += extra;
  }

  /** Inserts `value` before what has been written since `from`. */
  insert(from: number, value: number): void {
    this.byte(value);
    this.bytes.copyWithin(from + 1, from, this.length - 1);
    this.bytes[from] = value;
  }

  /** What has been written, in memory of its own; the writer is then empty. */
  take(): Uint8Array {
    const text = this.bytes.slice(0, this.length);
    this.length = 0;
    if (this.bytes.length > capacityKept) this.bytes = new Uint8Array(capacityStart);
    return text;
  }

  #grow(count: number): void {
    const needed = this.length + count;
    if (needed > capacityMax) throw new ValueError("the text of a value is too long");
    const grown = new Uint8Array(Math.min(capacityMax, Math.max(needed, 2 * this.bytes.length)));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

const zero = 0x30;
