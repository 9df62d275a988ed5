import { Condition } from "../../base/condition.ts";

/** What to wait for: `look` gives it once it is there, and `onChange` says when to look again. */
export interface AwaitedState<T> {
  readonly look: () => T | undefined;
  /** Gives the way to stop listening. */
  readonly onChange: (listener: () => void) => () => void;
}

/** Waits until `look` gives something. Throws what `look` throws, or the signal's reason. */
export async function waitFor<T>({ look, onChange }: AwaitedState<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const changed = new Condition();
  const stopListening = onChange(() => changed.notify());
  try {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await changed.wait(signal);
    }
  } finally {
    stopListening();
  }
}
