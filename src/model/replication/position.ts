declare const positionBrand: unique symbol;

/**
 * A place in a source's log, opaque outside the source engine that created it: no other code compares, orders or parses
 * it. The target stores it with the rows and returns it.
 */
export type Position = string & { readonly [positionBrand]: "Position" };

/** For engines, which create positions, and for targets, which read back what they stored. */
export function asPosition(text: string): Position {
  return text as Position;
}
