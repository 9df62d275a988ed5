import { characterCount } from "../../base/characters.ts";
import type { StringShape } from "./shape.ts";
import { isXmlText } from "./xml-text.ts";

/** What is wrong with a string in a request; undefined if nothing is. */
export function stringFault(
  { lengthMin = 0, lengthMax, pattern }: StringShape,
  value: string,
): string | undefined {
  const length = characterCount(value);
  if (length < lengthMin || length > lengthMax) return `it must have ${lengthMin} to ${lengthMax} characters`;
  // A string that cannot be printed in a response is never stored.
  if (!isXmlText(value)) return "it contains a character that XML does not allow";
  if (pattern !== undefined && !pattern.test(value)) return `it must match the pattern ${pattern.source}`;
  return undefined;
}
