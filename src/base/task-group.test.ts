import { expect, test } from "vitest";
import { pause } from "./backoff.ts";
import { TaskGroup } from "./task-group.ts";

test("leaving the scope stops the tasks and waits for them", async () => {
  const events: string[] = [];
  {
    await using tasks = new TaskGroup();
    tasks.run(async (signal) => {
      try {
        await pause(60_000, signal);
      } finally {
        events.push("task ended");
      }
    });
  }
  events.push("left");
  expect(events).toEqual(["task ended", "left"]);
});

test("a failing task stops its siblings and its error comes out", async () => {
  const tasks = new TaskGroup();
  let stopped = false;
  tasks.run(async (signal) => {
    await pause(60_000, signal).finally(() => (stopped = true));
  });
  tasks.run(() => Promise.reject(new Error("broken")));
  await expect(tasks.wait()).rejects.toThrow("broken");
  expect(stopped).toBe(true);
});

test("an abort from above is no failure", async () => {
  const above = new AbortController();
  const tasks = new TaskGroup(above.signal);
  tasks.run((signal) => pause(60_000, signal));
  above.abort(new Error("stopping"));
  await tasks.wait();
});
