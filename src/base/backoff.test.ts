import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs, pause } from "./backoff.ts";

const limits = { firstMs: 100, mostMs: 30_000 };

test("the wait doubles until it reaches the most", () => {
  const waits = [1, 2, 3, 4, 20].map((attempt) => backoffMs(attempt, limits, 1));
  expect(waits).toEqual([100, 200, 400, 800, 30_000]);
});

test("any attempt waits between half of the first and the most", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
      const ms = backoffMs(attempt, limits, random);
      expect(ms).toBeGreaterThanOrEqual(50);
      expect(ms).toBeLessThanOrEqual(30_000);
    }),
  );
});

test("a pause ends at once with the reason of the abort", async () => {
  const reason = new Error("stopping");
  const controller = new AbortController();
  const waiting = pause(60_000, controller.signal);
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(pause(60_000, controller.signal)).rejects.toBe(reason);
});
