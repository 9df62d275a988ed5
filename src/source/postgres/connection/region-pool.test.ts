import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { largeRegionBytes, RegionLease, RegionPool } from "./region-pool.ts";

test("memory is used again once it was given back, whole, and only if it has the pool's size", () => {
  const pool = new RegionPool(100);
  const space = pool.take(0);
  expect(space.length).toBe(100);
  pool.give(space.subarray(0, 60));
  const again = pool.take(100);
  expect(again.buffer).toBe(space.buffer);
  expect(again.length).toBe(100);
  expect(pool.take(0).buffer).not.toBe(space.buffer);
  const large = pool.take(101);
  expect(large.length).toBe(101);
  pool.give(large);
  pool.give(new Uint8Array(60));
  expect(pool.take(0).length).toBe(100);
});

test("a region that is given back twice would be two regions at once, which is noticed", () => {
  const pool = new RegionPool(100);
  const region = pool.take(0).subarray(0, 50);
  pool.give(region);
  expect(() => pool.give(region)).toThrow("given back once");
});

test("memory into which a reader's next bytes will be written is not used again", () => {
  const pool = new RegionPool(100);
  const reader = new EventEmitter();
  const space = pool.first(reader);
  pool.lend(reader, space.subarray(60));
  pool.give(space.subarray(0, 60));
  const next = pool.take(0);
  expect(next.buffer).not.toBe(space.buffer);
  pool.lend(reader, next);
  const last = pool.take(0);
  pool.give(last);
  expect(pool.take(0).buffer).toBe(last.buffer);
  reader.emit("close");
  pool.give(next);
  expect(pool.take(0).buffer).toBe(next.buffer);
});

test("of large regions there is one at a time, in turn", async () => {
  const pool = new RegionPool(100);
  const stop = new AbortController();
  const large = largeRegionBytes + 1;
  await pool.admit(large, stop.signal);
  const region = pool.take(large);
  const admitted: number[] = [];
  const waiting = [1, 2].map(async (number) => {
    await pool.admit(large, stop.signal);
    admitted.push(number);
  });
  await pool.admit(largeRegionBytes, stop.signal);
  expect(admitted).toEqual([]);
  pool.give(region.subarray(0, 5));
  await waiting[0];
  expect(admitted).toEqual([1]);
  stop.abort(new Error("stopped"));
  await expect(waiting[1]).rejects.toThrow("stopped");
});

test("a region that several hold is given back by the last of them", () => {
  const pool = new RegionPool(100);
  const region = pool.take(0);
  const lease = new RegionLease(pool, region);
  const [first, second] = [lease.hold(), lease.hold()];
  lease.release();
  first();
  expect(pool.take(0).buffer).not.toBe(region.buffer);
  second();
  expect(pool.take(0).buffer).toBe(region.buffer);
  expect(second).toThrow("once by each holder");
});
