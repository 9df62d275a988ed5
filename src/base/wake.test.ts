import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { Wake } from "./wake.ts";

const never = new AbortController().signal;
const anHourMs = 3_600_000;

test("telling ends the sleep", async () => {
  const wake = new Wake();
  wake.begin();
  const slept = wake.sleep(anHourMs, never);
  wake.tell();
  expect(await slept).toBe(true);
});

test("what was told during a look keeps the loop awake, what was told before it does not", async () => {
  const wake = new Wake();
  wake.begin();
  wake.tell();
  await wake.sleep(anHourMs, never);
  wake.begin();
  await expect(wake.sleep(anHourMs, AbortSignal.timeout(1))).rejects.toThrow("timeout");
});

test("sleeps leave nothing with a signal that outlives them", async () => {
  const { signal } = new AbortController();
  const wake = new Wake();
  for (let slept = 0; slept < 100; slept += 1) {
    wake.begin();
    const sleep = wake.sleep(anHourMs, signal);
    wake.tell();
    await sleep;
  }
  expect(getEventListeners(signal, "abort")).toEqual([]);
  // What Node keeps of a signal in others, such as the sources and dependants of AbortSignal.any, are sets.
  const held = Object.getOwnPropertySymbols(signal).map((symbol) => Reflect.get(signal, symbol) as unknown);
  expect(held.filter((value) => value instanceof Set && value.size > 0)).toEqual([]);
});

test("a sleep ends by itself, and throws the reason when it is aborted", async () => {
  const wake = new Wake();
  expect(await wake.sleep(1, never)).toBe(false);
  const stop = new AbortController();
  const slept = wake.sleep(anHourMs, stop.signal);
  stop.abort(new Error("enough"));
  await expect(slept).rejects.toThrow("enough");
});
