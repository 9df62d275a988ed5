import { afterEach, expect, test, vi } from "vitest";
import { deferred } from "../../base/deferred.ts";
import { Cached } from "./cached.ts";

afterEach(() => {
  vi.useRealTimers();
});

function counting(): { readonly cached: Cached<number>; readonly reads: () => number } {
  let reads = 0;
  return { cached: new Cached(() => Promise.resolve(++reads)), reads: () => reads };
}

test("reads once until a write, whether it succeeds or not", async () => {
  const { cached } = counting();
  expect([await cached.get(), await cached.get()]).toEqual([1, 1]);
  expect(await cached.changing(() => Promise.resolve("written"))).toBe("written");
  expect(await cached.get()).toBe(2);
  await expect(cached.changing(() => Promise.reject(new Error("no answer")))).rejects.toThrow("no answer");
  expect(await cached.get()).toBe(3);
});

test("does not keep what was read before a write ended", async () => {
  const [slow, write] = [deferred(), deferred()];
  let stored = "old";
  const cached = new Cached(async () => {
    const read = stored;
    await slow.promise;
    return read;
  });
  const writing = cached.changing(async () => {
    await write.promise;
    stored = "new";
  });
  const during = cached.get();
  write.resolve();
  await writing;
  const after = cached.get();
  slow.resolve();
  expect(await during).toBe("old");
  expect(await after).toBe("new");
  expect(await cached.get()).toBe("new");
});

test("reads again after a failure, and after a minute", async () => {
  let reads = 0;
  const cached = new Cached(() =>
    ++reads === 1 ? Promise.reject(new Error("away")) : Promise.resolve(reads),
  );
  await expect(cached.get()).rejects.toThrow("away");
  expect(await cached.get()).toBe(2);
  vi.useFakeTimers({ toFake: ["performance"], now: 0 });
  const { cached: other, reads: readsOfOther } = counting();
  await other.get();
  vi.advanceTimersByTime(59_999);
  await other.get();
  expect(readsOfOther()).toBe(1);
  vi.advanceTimersByTime(1);
  await other.get();
  expect(readsOfOther()).toBe(2);
});
