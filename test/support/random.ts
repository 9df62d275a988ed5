/** Repeatable random numbers in 0 … 1 (mulberry32). A test prints its seed, and takes it from ZEROETL_SEED. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed of this run: from the environment to repeat one, else new; printed either way. */
export function printedSeed(): number {
  // oxlint-disable-next-line node/no-process-env -- a setting of the tests, not of zeroetl
  const given = process.env["ZEROETL_SEED"];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  process.stdout.write(`seed: ${seed} (repeat with ZEROETL_SEED=${seed})\n`);
  return seed;
}
