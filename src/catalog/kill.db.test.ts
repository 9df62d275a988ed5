import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { TypeScriptChild } from "../../test/support/child.ts";
import { Catalog } from "./catalog.ts";

const child = new URL("../../test/children/write-catalog.ts", import.meta.url);
const seed = Math.trunc(Math.random() * 2 ** 31);

const order = ["created", "active", "deleting", "gone"] as const;
type Stage = (typeof order)[number];

/** The last stage of each integration that was answered. `answers`: after how many the writer is killed. */
async function watch(
  directory: string,
  { answers, delayMs }: { answers: number; delayMs: number },
): Promise<Map<string, Stage>> {
  await using writer = TypeScriptChild.start(child, directory);
  expect(await writer.line()).toBe("open");
  const stages = new Map<string, Stage>();
  let killed: Promise<void> | undefined;
  let seen = 0;
  for (let line = await writer.line(); line !== undefined; line = await writer.line()) {
    // The last line may be cut in two by the kill.
    if (!line.endsWith("}")) continue;
    const { id, now } = JSON.parse(line) as { id: string; now: Stage };
    stages.set(id, now);
    seen += 1;
    if (seen === answers) killed = sleep(delayMs).then(() => writer.kill());
  }
  await killed;
  return stages;
}

/** What the catalog holds may be one step ahead of what was answered, never behind. */
async function check(catalog: Catalog, stages: ReadonlyMap<string, Stage>): Promise<void> {
  const there = new Map((await catalog.wanted()).map((wanted) => [wanted.integration.id, wanted]));
  for (const [id, stage] of stages) {
    const found = there.get(id);
    const status = found?.integration.status;
    const next = order[order.indexOf(stage) + 1];
    const reached: Readonly<Record<Stage, boolean>> = {
      created: status === "creating",
      active: status === "active",
      deleting: status === "deleting",
      gone: found === undefined,
    };
    expect(reached[stage] || (next !== undefined && reached[next])).toBe(true);
    if (found === undefined) continue;
    // Each request and each report is there as a whole.
    expect(found.integration.tags).toEqual([{ key: "k", value: id }]);
    expect((await catalog.tables(id)).length).toBe(status === "creating" ? 0 : 20);
    expect(found.wanted).toBe(status === "deleting" ? "absent" : "present");
  }
}

test(`a catalog is whole after kill -9 at any moment (seed ${seed})`, async () => {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-kill-"));
  try {
    // Counted in answers: a slow machine gives few of them in a second.
    const moment = fc.record({
      answers: fc.integer({ min: 10, max: 100 }),
      delayMs: fc.integer({ min: 0, max: 30 }),
    });
    const moments = fc.sample(moment, { seed, numRuns: 6 });
    const everything = new Map<string, Stage>();
    for (const when of moments) {
      const stages = await watch(directory, when);
      for (const [id, stage] of stages) everything.set(id, stage);
      await using catalog = await Catalog.open({ kind: "directory", directory });
      await check(catalog, everything);
    }
    expect(everything.size).toBeGreaterThan(10);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test("a process that is killed while it makes the catalog leaves nothing in the way", async () => {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-kill-"));
  try {
    for (const killAfterMs of [600, 1_000, 1_500]) {
      await using writer = TypeScriptChild.start(child, directory);
      await sleep(killAfterMs);
      await writer.kill();
    }
    await using catalog = await Catalog.open({ kind: "directory", directory });
    expect(Array.isArray(await catalog.wanted())).toBe(true);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
