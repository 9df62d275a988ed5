/** A broken invariant of our own: always a bug in zeroetl, never the world's fault. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** States an invariant as a sentence; the sentence is the message when it does not hold. */
export function assert(holds: boolean, invariant: string): asserts holds {
  if (!holds) throw new AssertionError(`invariant broken: ${invariant}`);
}

/** Closes a switch over a union: the compiler refuses a missing case, and so does the running program. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable case: ${JSON.stringify(value)}`);
}

/** The value, where the surrounding code has made sure that it is there. */
export function present<T>(value: T | undefined | null, invariant: string): T {
  if (value === undefined || value === null) throw new AssertionError(`invariant broken: ${invariant}`);
  return value;
}
