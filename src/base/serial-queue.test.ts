import { expect, test } from "vitest";
import { SerialQueue } from "./serial-queue.ts";

test("work runs one piece at a time, in order, whatever fails", async () => {
  const queue = new SerialQueue();
  const log: string[] = [];
  const work = (name: string, fails = false) =>
    queue.run(async () => {
      log.push(`${name} begins`);
      await new Promise(setImmediate);
      log.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const [first, second, third] = [work("a"), work("b", true), work("c")];
  await expect(second).rejects.toThrow("b");
  expect(await first).toBe("a");
  await queue.idle();
  expect(log).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  expect(await third).toBe("c");
});
