/** Something to wait for: what `look` gives once it is there, and who says that it is worth looking again. */
export interface Awaitable<T> {
  readonly look: () => T | undefined;
  /** Gives the way to stop listening. */
  readonly onChange: (listener: () => void) => () => void;
}

/** Waits until `look` gives something. Throws what `look` throws, or the signal's reason. */
export function happened<T>({ look, onChange }: Awaitable<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      stopListening();
      signal.removeEventListener("abort", aborted);
    };
    const tryLooking = () => {
      const found = look();
      if (found === undefined) return;
      stop();
      resolve(found);
    };
    const aborted = () => {
      stop();
      reject(signal.reason as Error);
    };
    const stopListening = onChange(tryLooking);
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
    else tryLooking();
  });
}
