import { WireError } from "../bytes.ts";
import type { Cursor } from "../cursor.ts";
import type { Render } from "./render.ts";
import type { TextWriter } from "./text-writer.ts";

/* Text search types as PostgreSQL's output functions write them. */

const quote = 0x27;
const backslash = 0x5c;

/** A quoted lexeme; quotes and backslashes in it are doubled. */
function putLexeme(lexeme: Uint8Array, out: TextWriter): void {
  out.byte(quote);
  for (const byte of lexeme) {
    if (byte === quote || byte === backslash) out.byte(byte);
    out.byte(byte);
  }
  out.byte(quote);
}

const weights = ["", "C", "B", "A"];

/**
 * int32 lexemes; for each, a zero-terminated text, the uint16 number of positions, and the positions: two bits of
 * weight, 14 of position.
 */
export const renderTsvector: Render = (from, out) => {
  const count = from.int32();
  for (let index = 0; index < count; index += 1) {
    if (index > 0) out.byte(0x20);
    putLexeme(from.zeroTerminated(), out);
    const positions = from.uint16();
    for (let position = 0; position < positions; position += 1) {
      const entry = from.uint16();
      out.ascii(`${position === 0 ? ":" : ","}${entry & 0x3fff}${weights[entry >> 14] ?? ""}`);
    }
  }
};

/** A node of a query; a higher priority binds more tightly. */
type QueryNode =
  | { readonly kind: "lexeme"; readonly text: Uint8Array; readonly suffix: string }
  | { readonly kind: "not"; readonly operand: QueryNode }
  | {
      readonly kind: "binary";
      readonly priority: number;
      readonly sign: string;
      readonly isPhrase: boolean;
      readonly left: QueryNode;
      readonly right: QueryNode;
    };

const priorityNot = 4;

/** int32 number of nodes, then the nodes in prefix order, with each right operand before the left one. */
export const renderTsquery: Render = (from, out) => {
  if (from.int32() > 0) putQuery(readQuery(from), { priority: -1, isRightOfPhrase: false }, out);
};

function readQuery(from: Cursor): QueryNode {
  const kind = from.uint8();
  if (kind === 1) {
    const weight = from.uint8();
    const isPrefix = from.uint8() === 1;
    const letters = ["A", "B", "C", "D"].filter((_, index) => (weight & (8 >> index)) !== 0).join("");
    const suffix = weight !== 0 || isPrefix ? `:${isPrefix ? "*" : ""}${letters}` : "";
    return { kind: "lexeme", text: from.zeroTerminated(), suffix };
  }
  if (kind !== 2) throw new WireError("a text search query has an unknown node");
  const operator = from.uint8();
  if (operator === 1) return { kind: "not", operand: readQuery(from) };
  const distance = operator === 4 ? from.uint16() : 0;
  const form = binaryForms[operator];
  if (form === undefined) throw new WireError("a text search query has an unknown operator");
  const right = readQuery(from);
  const left = readQuery(from);
  return { kind: "binary", ...form(distance), left, right };
}

type BinaryForm = (distance: number) => { priority: number; sign: string; isPhrase: boolean };

const binaryForms: Readonly<Record<number, BinaryForm>> = {
  2: () => ({ priority: 2, sign: " & ", isPhrase: false }),
  3: () => ({ priority: 1, sign: " | ", isPhrase: false }),
  4: (distance) => ({ priority: 3, sign: distance === 1 ? " <-> " : ` <${distance}> `, isPhrase: true }),
};

interface QueryPlace {
  readonly priority: number;
  /** A phrase inside the right operand of a phrase needs parentheses: the operator is not associative. */
  readonly isRightOfPhrase: boolean;
}

function putQuery(node: QueryNode, place: QueryPlace, out: TextWriter): void {
  switch (node.kind) {
    case "lexeme":
      putLexeme(node.text, out);
      out.ascii(node.suffix);
      return;
    case "not": {
      const isInner = priorityNot < place.priority;
      if (isInner) out.ascii("( ");
      out.byte(0x21);
      putQuery(node.operand, { priority: priorityNot, isRightOfPhrase: false }, out);
      if (isInner) out.ascii(" )");
      return;
    }
    case "binary": {
      const { priority, isPhrase } = node;
      const isInner = priority < place.priority || (isPhrase && place.isRightOfPhrase);
      if (isInner) out.ascii("( ");
      putQuery(node.left, { priority, isRightOfPhrase: false }, out);
      out.ascii(node.sign);
      putQuery(node.right, { priority, isRightOfPhrase: isPhrase }, out);
      if (isInner) out.ascii(" )");
    }
  }
}
