/**
 * Yields the items of several generators as they arrive. Items of one generator stay in order, and each generator is at
 * most one item ahead. If the caller leaves early or a generator fails, all generators end; `stop` interrupts their
 * waits.
 */
export async function* merge<T>(
  generators: readonly AsyncGenerator<T, void>[],
  stop: Pick<AbortController, "abort">,
): AsyncGenerator<T, void> {
  type Arrival = { readonly from: AsyncGenerator<T, void>; readonly result: IteratorResult<T, void> };
  const next = async (from: AsyncGenerator<T, void>): Promise<Arrival> => ({
    from,
    result: await from.next(),
  });
  const pending = new Map<AsyncGenerator<T, void>, Promise<Arrival>>();
  const ask = (from: AsyncGenerator<T, void>): void => {
    const arrival = next(from);
    // It may reject while the caller processes another item; the race below handles the rejection later.
    arrival.catch(() => {});
    pending.set(from, arrival);
  };
  for (const generator of generators) ask(generator);
  try {
    while (pending.size > 0) {
      const { from, result } = await Promise.race(pending.values());
      if (result.done === true) pending.delete(from);
      else {
        ask(from);
        yield result.value;
      }
    }
  } finally {
    stop.abort(new Error("the merge ended"));
    await Promise.allSettled(pending.values());
    await Promise.allSettled(generators.map((generator) => generator.return()));
  }
}
