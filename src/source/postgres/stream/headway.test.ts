import { expect, test } from "vitest";
import { Headway, stallAfterMs } from "./headway.ts";

const startMs = 1_000_000;

test("a stream that is at the end of the log is complete as soon as the source has answered", () => {
  const headway = new Headway(100n);
  headway.wait({ position: 100n, received: 0 }, startMs);
  headway.ask(startMs + 1);
  expect(headway.answer(100n)).toBe(false);
  const later = headway.reach(startMs + 2 * stallAfterMs, false);
  expect(later).toEqual({ completeAtMs: startMs + 1, waitingSinceMs: undefined, stall: undefined });
});

test("a stream that does not reach the end of the log is stalled, until it does", () => {
  const headway = new Headway(100n);
  headway.wait({ position: 100n, received: 0 }, startMs);
  headway.ask(startMs);
  expect(headway.answer(101n)).toBe(true);
  const stalledAtMs = startMs + stallAfterMs;
  expect(headway.reach(stalledAtMs - 1, false).stall).toBeUndefined();
  expect(headway.reach(stalledAtMs, false)).toMatchObject({
    completeAtMs: undefined,
    waitingSinceMs: startMs,
    stall: { sinceMs: startMs },
  });
  headway.resume(stalledAtMs);
  headway.wait({ position: 101n, received: 1 }, stalledAtMs);
  expect(headway.reach(stalledAtMs, false)).toMatchObject({ completeAtMs: startMs, stall: undefined });
});

test("an answer that arrives late does not replace the first one", () => {
  const headway = new Headway(100n);
  headway.ask(startMs);
  expect(headway.answer(101n)).toBe(true);
  headway.ask(startMs + 1_000);
  expect(headway.answer(102n)).toBe(true);
  headway.wait({ position: 101n, received: 1 }, startMs + 1_001);
  expect(headway.reach(startMs + 1_001, false).completeAtMs).toBe(startMs);
});
