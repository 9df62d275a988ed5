import { expect, test } from "vitest";
import { defaultLimits, Batcher, type Batch } from "../../src/pipeline/batcher.ts";
import { change, testBlock, testRelation, type TestChange } from "./test-blocks.ts";

const relation = testRelation("1", 1, { kind: "key", columns: [0] });
const rows = (count: number): TestChange[] =>
  Array.from({ length: count }, (_, index) => ({ kind: change.insert, relation, after: [String(index)] }));
const changesOf = (batch: Batch) => batch.slices.reduce((sum, { from, to }) => sum + to - from, 0);
const signal = new AbortController().signal;

test("a batch ends at the last commit, and what follows it waits for its own", async () => {
  const batcher = new Batcher(defaultLimits);
  const block = testBlock(rows(5), "1");
  const [cut] = block.cuts;
  if (cut === undefined) throw new Error("the block has a cut");
  await batcher.put({ ...block, cuts: [{ ...cut, after: 3 }] }, signal);
  await batcher.put(testBlock(rows(4)), signal);
  expect(changesOf(await batcher.take(signal))).toBe(3);
  await batcher.put(testBlock(rows(1), "2"), signal);
  const rest = await batcher.take(signal);
  expect(changesOf(rest)).toBe(7);
  expect(rest.checkpoint).toEqual({ position: "2", sequence: 2n, committedAtMs: 1 });
});

test("a transaction larger than a batch is taken in parts, only the last of which has a checkpoint", async () => {
  const batcher = new Batcher({ ...defaultLimits, changesMax: 10, backlogWaitMs: 1 });
  const taken: Batch[] = [];
  const applier = (async () => {
    do taken.push(await batcher.take(signal));
    while (taken.at(-1)?.checkpoint === undefined);
  })();
  for (let block = 0; block < 4; block++) await batcher.put(testBlock(rows(6)), signal);
  await batcher.put(testBlock(rows(1), "9"), signal);
  await applier;
  expect(taken.length).toBeGreaterThan(1);
  expect(taken.map((batch) => batch.checkpoint?.position).filter(Boolean)).toEqual(["9"]);
  expect(taken.reduce((sum, batch) => sum + changesOf(batch), 0)).toBe(25);
});

test("a full batcher holds the reader until a batch was taken", async () => {
  const batcher = new Batcher({ ...defaultLimits, changesMax: 10, batchesAheadMax: 2 });
  await batcher.put(testBlock(rows(10), "1"), signal);
  let put = false;
  const reader = batcher.put(testBlock(rows(10), "2"), signal).then(() => (put = true));
  await new Promise(setImmediate);
  expect(put).toBe(false);
  await batcher.take(signal);
  await reader;
  expect(put).toBe(true);
});

test("of what has gathered meanwhile a batch takes no more than enough, from one commit to another", async () => {
  const batcher = new Batcher({ ...defaultLimits, changesMax: 10, batchesAheadMax: 4, backlogWaitMs: 1 });
  for (const position of ["1", "2", "3"]) {
    await batcher.put(testBlock(rows(4)), signal);
    await batcher.put(testBlock(rows(4), position), signal);
  }
  const first = await batcher.take(signal);
  expect([changesOf(first), first.checkpoint?.position]).toEqual([16, "2"]);
  const second = await batcher.take(signal);
  expect([changesOf(second), second.checkpoint?.position]).toEqual([8, "3"]);
});

test("of a transaction without an end a batch takes no more than enough", async () => {
  const batcher = new Batcher({ ...defaultLimits, changesMax: 10, batchesAheadMax: 4, backlogWaitMs: 1 });
  for (let block = 0; block < 6; block++) await batcher.put(testBlock(rows(6)), signal);
  expect(changesOf(await batcher.take(signal))).toBe(12);
  await batcher.put(testBlock(rows(6), "1"), signal);
  expect(changesOf(await batcher.take(signal))).toBe(30);
});

test.each([
  ["rows", { copiedRowsPerCommit: 10 }],
  ["bytes", { copiedBytesPerCommit: 2 * testBlock(rows(6)).region.length }],
])("copied rows alone are not committed one block at a time, but after enough %s", async (_, limit) => {
  const batcher = new Batcher({ ...defaultLimits, ...limit });
  const copied = () => {
    const block = testBlock(rows(6), "1");
    return { ...block, cuts: block.cuts.map((cut) => ({ ...cut, transactions: 0, committedAtMs: 0 })) };
  };
  const commits: boolean[] = [];
  for (let block = 0; block < 4; block++) {
    await batcher.put(copied(), signal);
    commits.push((await batcher.take(signal)).checkpoint !== undefined);
  }
  expect(commits).toEqual([false, false, true, false]);
});

test("a waiting reader and a waiting applier are released by the signal", async () => {
  const stop = new AbortController();
  const batcher = new Batcher(defaultLimits);
  const taking = batcher.take(stop.signal);
  stop.abort(new Error("stopped"));
  await expect(taking).rejects.toThrow("stopped");
});
