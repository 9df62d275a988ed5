import { AwsError } from "./error.ts";

export const formLimits = { parametersMax: 2_000, nameCharactersMax: 256 } as const;

export interface FormParameter {
  readonly name: string;
  readonly value: string;
}

/**
 * Parses a form body or query string (`application/x-www-form-urlencoded`), strictly: a `%` that is not followed by two
 * hexadecimal digits and bytes that are not UTF-8 are refused with `MalformedQueryString` instead of being repaired,
 * since what is stored must be what the client meant. `text` has one character per byte (latin1).
 */
export function parseForm(text: string): FormParameter[] {
  if (text === "") return [];
  const pieces = text.split("&", formLimits.parametersMax + 1);
  if (pieces.length > formLimits.parametersMax)
    throw malformed(`it has more than ${formLimits.parametersMax} parameters`);
  return pieces.filter((piece) => piece !== "").map(parsePiece);
}

function parsePiece(piece: string): FormParameter {
  const equals = piece.indexOf("=");
  const name = decode(equals < 0 ? piece : piece.slice(0, equals));
  if (name.length > formLimits.nameCharactersMax)
    throw malformed(`the name of a parameter is longer than ${formLimits.nameCharactersMax} characters`);
  return { name, value: equals < 0 ? "" : decode(piece.slice(equals + 1)) };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const plain = /^[\x20-\x24\x26-\x2a\x2c-\x7e]*$/;
const badEscape = /%(?![0-9A-Fa-f]{2})/;

function decode(text: string): string {
  if (plain.test(text)) return text;
  if (badEscape.test(text)) throw malformed("a percent sign is not followed by two hexadecimal digits");
  const bytes = text
    .replaceAll("+", " ")
    .replaceAll(/%([0-9A-Fa-f]{2})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    );
  try {
    return utf8.decode(Buffer.from(bytes, "latin1"));
  } catch (error) {
    throw malformed("it is not valid UTF-8", error);
  }
}

function malformed(reason: string, cause?: unknown): AwsError {
  return new AwsError("MalformedQueryString", `The query string is malformed: ${reason}.`, { cause });
}
