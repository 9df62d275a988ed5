import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { merge } from "./merge.ts";

async function* numbers(from: number, to: number, ended: number[] = []): AsyncGenerator<number, void> {
  try {
    for (let number = from; number < to; number += 1) {
      await sleep(number % 3);
      yield number;
    }
  } finally {
    ended.push(from);
  }
}

test("everything comes, each generator's items in their order", async () => {
  const seen: number[] = [];
  for await (const number of merge([numbers(0, 10), numbers(100, 120), numbers(5, 5)], new AbortController()))
    seen.push(number);
  expect(seen.filter((number) => number < 100)).toEqual([...Array(10).keys()]);
  expect(seen.filter((number) => number >= 100)).toHaveLength(20);
});

test("leaving early ends all of them", async () => {
  const ended: number[] = [];
  const stop = new AbortController();
  for await (const _ of merge([numbers(0, 10, ended), numbers(100, 110, ended)], stop)) break;
  expect(ended.toSorted((a, b) => a - b)).toEqual([0, 100]);
  expect(stop.signal.aborted).toBe(true);
});

test("one that fails fails the merge, and ends the others", async () => {
  const ended: number[] = [];
  async function* failing(): AsyncGenerator<number, void> {
    yield -1;
    await sleep(5);
    throw new Error("broken");
  }
  const all = async (): Promise<void> => {
    for await (const _ of merge([numbers(0, 1000, ended), failing()], new AbortController())) await sleep(1);
  };
  await expect(all()).rejects.toThrow("broken");
  expect(ended).toEqual([0]);
});
