import { Condition } from "../../base/condition.ts";

/** A state to wait for: `look` returns it once it is reached, and `onChange` says when to check again. */
export interface AwaitedState<T> {
  readonly look: () => T | undefined;
  /** Returns a function that removes the listener. */
  readonly onChange: (listener: () => void) => () => void;
}

/** Waits until `look` returns a value. Throws what `look` throws, or the signal's reason. */
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
