import { getEventListeners } from "node:events";
import { setTimeout as timer } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Deadline } from "./deadline.ts";

const anHourMs = 3_600_000;

test("a deadline is over when its time is up, though nobody holds it and memory was collected meanwhile", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const ended = new Promise<unknown>((resolve) => {
    const { signal } = new Deadline(50, new AbortController().signal);
    signal.addEventListener("abort", () => resolve(signal.reason));
  });
  collect();
  expect(await ended).toMatchObject({ name: "TimeoutError" });
});

test("a deadline ends with its parent and tells that its time was not up", () => {
  const parent = new AbortController();
  using deadline = new Deadline(anHourMs, parent.signal);
  expect(deadline.signal.aborted).toBe(false);
  const reason = new Error("stopped");
  parent.abort(reason);
  expect(deadline.signal.reason).toBe(reason);
  expect(deadline.isPast).toBe(false);
  using late = new Deadline(anHourMs, parent.signal);
  expect(late.signal.reason).toBe(reason);
});

test("a deadline that was disposed of ends no more and leaves nothing with its parent", async () => {
  const parent = new AbortController();
  const deadline = new Deadline(1, parent.signal);
  deadline[Symbol.dispose]();
  expect(getEventListeners(parent.signal, "abort")).toEqual([]);
  await timer(20);
  parent.abort();
  expect(deadline.signal.aborted).toBe(false);
});
