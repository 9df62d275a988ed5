import { WireError } from "../bytes.ts";
import type { Render } from "./render.ts";

/* Types sent as text, strings of bits and bytes, and PostgreSQL's identifiers of positions and transactions. */

/** For everything that is already text. */
export const renderText: Render = (from, out) => {
  out.copy(from.bytes, from.at, from.end);
  from.at = from.end;
};

/** Text after a version byte, always 1. */
export const renderVersioned: Render = (from, out) => {
  if (from.uint8() !== 1) throw new WireError("a value with a version byte has another version than 1");
  renderText(from, out);
};

const hexDigits = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
const upperHexDigits = Uint8Array.from("0123456789ABCDEF", (digit) => digit.charCodeAt(0));

function hexIn(digits: Uint8Array): Render {
  return (from, out) => {
    out.reserve(2 * from.left);
    while (from.left > 0) {
      const value = from.uint8();
      out.byte(digits[value >> 4] as number);
      out.byte(digits[value & 15] as number);
    }
  };
}

const renderHex = hexIn(hexDigits);

/** Geometry of PostGIS: it prints exactly the bytes that it sends. */
export const renderUpperHex = hexIn(upperHexDigits);

/** bytea_output hex. */
export const renderBytea: Render = (from, out) => {
  out.ascii("\\x");
  renderHex(from, out);
};

export const renderUuid: Render = (from, out) => {
  for (const [index, bytes] of [4, 2, 2, 2, 6].entries()) {
    if (index > 0) out.byte(0x2d);
    const outer = from.enter(bytes);
    renderHex(from, out);
    from.leave(outer);
  }
};

/** bit and varbit: int32 number of bits, then bytes, the first bit highest. */
export const renderBits: Render = (from, out) => {
  const bits = from.int32();
  out.reserve(bits);
  let value = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    if (bit % 8 === 0) value = from.uint8();
    out.byte(0x30 + ((value >> (7 - (bit % 8))) & 1));
  }
};

/** "char": empty for 0, and `\ooo` beyond ASCII. */
export const renderChar: Render = (from, out) => {
  const value = from.uint8();
  if (value === 0) return;
  if (value < 128) out.byte(value);
  else out.ascii(`\\${value.toString(8)}`);
};

export const renderLsn: Render = (from, out) => {
  const high = from.uint32().toString(16);
  out.ascii(`${high}/${from.uint32().toString(16)}`.toUpperCase());
};

export const renderTid: Render = (from, out) => out.ascii(`(${from.uint32()},${from.uint16()})`);

/** pg_snapshot: int32 number of transactions in progress, int64 xmin, xmax, and their ids. */
export const renderSnapshot: Render = (from, out) => {
  const count = from.int32();
  const bounds = `${from.int64()}:${from.int64()}:`;
  out.ascii(bounds + Array.from({ length: count }, () => String(from.int64())).join(","));
};
