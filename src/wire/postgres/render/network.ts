import type { Cursor } from "../cursor.ts";
import { WireError } from "../bytes.ts";
import type { Render } from "./render.ts";
import type { TextWriter } from "./text-writer.ts";

/* Addresses as PostgreSQL's output functions write them. */

const families: Readonly<Record<number, { readonly bytes: number; readonly put: typeof putIpv4 }>> = {
  2: { bytes: 4, put: putIpv4 },
  3: { bytes: 16, put: putIpv6 },
};

/** inet and cidr: uint8 family, bits, is cidr, bytes; then the address. cidr always shows its bits. */
export const renderInet: Render = (from, out) => {
  const family = families[from.uint8()];
  const bits = from.uint8();
  const isCidr = from.uint8() === 1;
  if (family === undefined || from.uint8() !== family.bytes)
    throw new WireError("a network address is neither IPv4 nor IPv6");
  family.put(from, out);
  if (isCidr || bits !== family.bytes * 8) out.ascii(`/${bits}`);
};

function putIpv4(from: Cursor, out: TextWriter): void {
  out.ascii(`${from.uint8()}.${from.uint8()}.${from.uint8()}.${from.uint8()}`);
}

/**
 * The first of the longest runs of two or more zero words becomes `::`; an embedded IPv4 address is written in dotted
 * form.
 */
function putIpv6(from: Cursor, out: TextWriter): void {
  const tail = from.at + 12;
  const words = Array.from({ length: 8 }, () => from.uint16());
  const zeros = longestZeros(words);
  const isEmbedded = holdsIpv4(words, zeros);
  const shown = isEmbedded ? 6 : 8;
  const hex = (from: number, to: number): string =>
    words
      .slice(from, to)
      .map((word) => word.toString(16))
      .join(":");
  if (zeros.length === 0) out.ascii(hex(0, shown));
  else out.ascii(`${hex(0, zeros.start)}::${hex(zeros.start + zeros.length, shown)}`);
  if (!isEmbedded) return;
  if (zeros.length < shown) out.byte(colon);
  from.at = tail;
  putIpv4(from, out);
}

/** `::a.b.c.d`, the old form, and `::ffff:a.b.c.d`. */
function holdsIpv4(words: readonly number[], zeros: Zeros): boolean {
  if (zeros.start !== 0) return false;
  return zeros.length === 6 || (zeros.length === 5 && words[5] === 0xffff);
}

interface Zeros {
  readonly start: number;
  readonly length: number;
}

function longestZeros(words: readonly number[]): Zeros {
  let best = { start: -1, length: 1 };
  let length = 0;
  for (const [index, word] of words.entries()) {
    length = word === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: index - length + 1, length };
  }
  return best.start < 0 ? { start: -1, length: 0 } : best;
}

/** macaddr and macaddr8: the bytes. */
export const renderMacaddr: Render = (from, out) => {
  for (let isFirst = true; from.left > 0; isFirst = false) {
    if (!isFirst) out.byte(colon);
    out.ascii(from.uint8().toString(16).padStart(2, "0"));
  }
};

const colon = 0x3a;
