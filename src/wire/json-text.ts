/** JSON as written: a mapping has no prototype, so that any key is merely a key. */
export type Json = string | number | boolean | null | readonly Json[] | JsonMapping;
export type JsonMapping = { readonly [key: string]: Json };

/** Describes what is wrong in a JSON text, and where. */
export class InvalidJson extends Error {
  override name = "InvalidJson";
}

const depthMax = 64;

/**
 * Parses JSON strictly (RFC 8259), in linear time and without recursing deeper than 64. Unlike `JSON.parse` it refuses
 * duplicate keys: it is not clear which one is meant. Throws `InvalidJson`.
 */
export function parseJson(text: string): Json {
  const reader = new Reader(text);
  const value = readValue(reader, 0);
  reader.skipSpace();
  if (!reader.isAtEnd) throw reader.refuse("the end of the text was expected");
  return value;
}

/** A position in a text. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /** The match of the expression at this position; undefined, without advancing, if there is none. */
  take(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.#at;
    const [found] = sticky.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  skipSpace(): void {
    this.take(/[ \t\n\r]*/y);
  }

  /** Whether the next character after white space is this one; advances past it. */
  takeMark(mark: string): boolean {
    this.skipSpace();
    const isHere = this.#text[this.#at] === mark;
    if (isHere) this.#at += 1;
    return isHere;
  }

  refuse(problem: string): InvalidJson {
    const lines = this.#text.slice(0, this.#at).split("\n");
    return new InvalidJson(`line ${lines.length}, column ${(lines.at(-1) ?? "").length + 1}: ${problem}`);
  }
}

const words = new Map<string, Json>([
  ["true", true],
  ["false", false],
  ["null", null],
]);

function readValue(reader: Reader, depth: number): Json {
  if (depth > depthMax) throw reader.refuse(`it is nested deeper than ${depthMax}`);
  if (reader.takeMark("{")) return readMapping(reader, depth);
  if (reader.takeMark("[")) return readList(reader, depth);
  const string = readString(reader);
  if (string !== undefined) return string;
  const number = reader.take(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
  if (number !== undefined) return Number(number);
  const word = words.get(reader.take(/[a-z]+/y) ?? "");
  if (word === undefined) throw reader.refuse("a value was expected");
  return word;
}

function readMapping(reader: Reader, depth: number): JsonMapping {
  const mapping = Object.create(null) as Record<string, Json>;
  if (reader.takeMark("}")) return mapping;
  do {
    reader.skipSpace();
    const key = readString(reader);
    if (key === undefined) throw reader.refuse("a key in double quotes was expected");
    if (Object.hasOwn(mapping, key)) throw reader.refuse("the key before this is given twice");
    if (!reader.takeMark(":")) throw reader.refuse('":" was expected');
    mapping[key] = readValue(reader, depth + 1);
  } while (reader.takeMark(","));
  if (!reader.takeMark("}")) throw reader.refuse('"," or "}" was expected');
  return mapping;
}

function readList(reader: Reader, depth: number): Json[] {
  const list: Json[] = [];
  if (reader.takeMark("]")) return list;
  do list.push(readValue(reader, depth + 1));
  while (reader.takeMark(","));
  if (!reader.takeMark("]")) throw reader.refuse('"," or "]" was expected');
  return list;
}

/** Undefined if no string begins here. */
function readString(reader: Reader): string | undefined {
  if (reader.take(/"/y) === undefined) return undefined;
  const pieces: string[] = [];
  for (;;) {
    // oxlint-disable-next-line no-control-regex -- JSON wants them escaped
    pieces.push(reader.take(/[^"\\\u0000-\u001f]*/y) ?? "");
    if (reader.take(/"/y) !== undefined) return pieces.join("");
    const escape = reader.take(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y);
    if (escape === undefined) throw reader.refuse("a character, an escape or the closing quote was expected");
    pieces.push(JSON.parse(`"${escape}"`) as string);
  }
}
