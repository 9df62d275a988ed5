import type { Render } from "./render.ts";
import { escapesFrom, type TextWriter } from "./text-writer.ts";

/* Values as to_json writes them. */

const quote = 0x22;

/**
 * The characters that escape_json escapes: quotation mark, backslash and control characters, five of them by letters.
 */
const jsonEscapes = escapesFrom([
  ...Array.from({ length: 32 }, (_, code) => [code, `\\u${code.toString(16).padStart(4, "0")}`] as const),
  [0x08, "\\b"],
  [0x0c, "\\f"],
  [0x0a, "\\n"],
  [0x0d, "\\r"],
  [0x09, "\\t"],
  [quote, '\\"'],
  [0x5c, "\\\\"],
]);

/** A JSON string containing what `put` writes. */
export function putJsonString(out: TextWriter, put: () => void): void {
  out.byte(quote);
  const from = out.length;
  put();
  out.escape(from, jsonEscapes);
  out.byte(quote);
}

/** A JSON string of the value's text. */
export function jsonString(text: Render): Render {
  return (from, out) => putJsonString(out, () => text(from, out));
}

/** A number, or a string if the number is NaN or infinite. */
export function jsonNumber(text: Render): Render {
  const asString = jsonString(text);
  return (from, out) => {
    const [at, length] = [from.at, out.length];
    text(from, out);
    const lead = out.bytes[length] === minus ? out.bytes[length + 1] : out.bytes[length];
    if (lead !== undefined && lead >= zero && lead <= nine) return;
    from.at = at;
    out.length = length;
    asString(from, out);
  };
}

const minus = 0x2d;
const zero = 0x30;
const nine = 0x39;

export const renderBooleanJson: Render = (from, out) => out.ascii(from.uint8() === 0 ? "false" : "true");
