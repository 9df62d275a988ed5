import { expect, test } from "vitest";
import { Lag } from "./lag.ts";

test("nothing is known of the lag of a stream that is not connected and has applied no commit", () => {
  const lag = new Lag();
  expect(lag.seconds(5_000, true)).toBeUndefined();
  lag.applied(0, 5_000);
  expect(lag.seconds(6_000, true)).toBe(0);
  expect(lag.seconds(6_000, false)).toBeUndefined();
});

test("the lag of a stream that is not connected grows from the newest commit that was applied", () => {
  const lag = new Lag();
  lag.read([{ committedAtMs: 1_000 }] as never);
  expect(lag.seconds(1_500, true)).toBe(0.5);
  lag.applied(1_000, 2_000);
  expect(lag.seconds(9_000, true)).toBe(1);
  expect(lag.seconds(9_000, false)).toBe(8);
});
