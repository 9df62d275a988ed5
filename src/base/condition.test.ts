import { expect, test } from "vitest";
import { Condition } from "./condition.ts";

test("a notification wakes all who wait, and nobody who waits later", async () => {
  const condition = new Condition();
  const { signal } = new AbortController();
  const waiting = Promise.all([condition.wait(signal), condition.wait(signal)]);
  expect(condition.isAwaited).toBe(true);
  condition.notify();
  await waiting;
  expect(condition.isAwaited).toBe(false);
  let isWoken = false;
  void condition.wait(signal).then(() => (isWoken = true));
  await new Promise(setImmediate);
  expect(isWoken).toBe(false);
});

test("a wait ends with its signal and leaves nothing behind", async () => {
  const condition = new Condition();
  const abort = new AbortController();
  const waiting = condition.wait(abort.signal);
  abort.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  expect(condition.isAwaited).toBe(false);
  await expect(condition.wait(abort.signal)).rejects.toThrow("enough");
});
