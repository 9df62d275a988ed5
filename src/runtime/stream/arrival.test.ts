import { expect, test, vi } from "vitest";
import { stallPatienceMs, untilArrived } from "./arrival.ts";

const never = new AbortController().signal;

/** As the waits of a standstill end. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));

test("a wait for a stream that is stalled is given up with the cause, one for a stream that advances goes on", async () => {
  vi.useFakeTimers({ now: 1_000_000 });
  try {
    let sinceMs: number | undefined;
    const reach = () => ({
      completeAtMs: undefined,
      waitingSinceMs: 1,
      stall: sinceMs === undefined ? undefined : { sinceMs, cause: "A lock is held." },
    });
    let failure: unknown;
    void untilArrived({ reach }, untilAborted, never).catch((error: unknown) => (failure = error));
    await vi.advanceTimersByTimeAsync(5 * stallPatienceMs);
    expect(failure).toBeUndefined();
    sinceMs = Date.now();
    await vi.advanceTimersByTimeAsync(stallPatienceMs - 1_000);
    expect(failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(failure).toMatchObject({ code: "SOURCE_STALLED", message: "A lock is held." });
  } finally {
    vi.useRealTimers();
  }
});

test("a wait for a stream that takes very long is given up", async () => {
  vi.useFakeTimers();
  try {
    const reach = () => ({ completeAtMs: undefined, waitingSinceMs: 1, stall: undefined });
    const wait = untilArrived({ reach }, untilAborted, never);
    const outcome = expect(wait).rejects.toMatchObject({ code: "SOURCE_STALLED" });
    await vi.advanceTimersByTimeAsync(11 * 60_000);
    await outcome;
  } finally {
    vi.useRealTimers();
  }
});
