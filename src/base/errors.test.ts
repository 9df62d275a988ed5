import { expect, test } from "vitest";
import { until } from "../../test/support/until.ts";
import { releaseFrames } from "./errors.ts";
import { collectWhenIdle } from "./idle-collection.ts";

function failureOver(buffer: ArrayBuffer): Error {
  const work = (): never => {
    throw new Error(`failed with ${buffer.byteLength} bytes in hand`);
  };
  try {
    return work();
  } catch (error) {
    return new Error("the work failed", { cause: error });
  }
}

test("an error that is kept does not keep what was in use where it was thrown", async () => {
  const { arrayBuffers: before } = process.memoryUsage();
  const kept = failureOver(new ArrayBuffer(200e6));
  expect(process.memoryUsage().arrayBuffers).toBeGreaterThan(before + 150e6);
  releaseFrames(kept);
  using _ = collectWhenIdle(50);
  await until("the buffer is collected", () => process.memoryUsage().arrayBuffers < before + 50e6);
  expect(kept.message).toBe("the work failed");
});
