declare const positionBrand: unique symbol;

/**
 * A place in a source's log, opaque outside the source engine that made it: nobody else compares, orders or parses
 * it. The target stores it beside the rows and hands it back.
 */
export type Position = string & { readonly [positionBrand]: "Position" };

/** For engines, which make positions, and for targets, which read back what they stored. */
export function asPosition(text: string): Position {
  return text as Position;
}
