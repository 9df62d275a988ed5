import { expect, test } from "vitest";
import { until } from "../../test/support/until.ts";
import { collectWhenIdle } from "./idle-collection.ts";

test("buffers that nobody needs leave the memory of an idle process", async () => {
  let held: ArrayBuffer[] | undefined = Array.from({ length: 10 }, () => new ArrayBuffer(20e6));
  const { arrayBuffers: before } = process.memoryUsage();
  expect(held).toHaveLength(10);
  held = undefined;
  using _ = collectWhenIdle(50);
  await until("the buffers are collected", () => process.memoryUsage().arrayBuffers < before - 150e6);
});
