/** A broken internal invariant: always a bug in zeroetl, never caused by its environment. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Asserts an invariant, stated as a sentence. The sentence is the message if the invariant does not hold. */
export function assert(holds: boolean, invariant: string): asserts holds {
  if (!holds) throw new AssertionError(`invariant broken: ${invariant}`);
}

/** Closes a switch over a union: a missing case fails at compile time and at run time. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable case: ${JSON.stringify(value)}`);
}

/** Returns the value, where the surrounding code guarantees that it is present. */
export function present<T>(value: T | undefined | null, invariant: string): T {
  if (value === undefined || value === null) throw new AssertionError(`invariant broken: ${invariant}`);
  return value;
}
