import { setTimeout as timer } from "node:timers/promises";

/** How long to wait between attempts. The wait doubles from `firstMs` up to `mostMs`. */
export interface BackoffLimits {
  readonly firstMs: number;
  readonly mostMs: number;
}

/**
 * The wait before attempt `attempt` (the first retry is 1), in ms. It is between half and all of the doubled wait, so
 * that many streams that lost one server do not return at the same moment. `random` is in 0 … 1.
 */
export function backoffMs(attempt: number, limits: BackoffLimits, random: number = Math.random()): number {
  const doubled = Math.min(limits.mostMs, limits.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(doubled * (0.5 + random / 2));
}

/** Waits. Throws the signal's reason as soon as it is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await timer(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
