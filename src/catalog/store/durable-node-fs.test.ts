import type * as nodeFs from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { openEmbedded } from "./embedded.ts";

const flushes = vi.hoisted(() => ({ count: 0 }));

vi.mock("node:fs", async (original) => {
  const fs = await original<typeof nodeFs>();
  return {
    ...fs,
    fsyncSync: (descriptor: number) => {
      flushes.count += 1;
      fs.fsyncSync(descriptor);
    },
  };
});

test("every commit is flushed to the disk before it is answered, and a checkpoint flushes the data files", async () => {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-fsync-"));
  try {
    await using database = await openEmbedded(directory);
    await database.exec("CREATE TABLE t (a integer)");
    const counted = async (sql: string): Promise<number> => {
      const before = flushes.count;
      await database.exec(sql);
      return flushes.count - before;
    };
    for (let commit = 0; commit < 20; commit += 1)
      expect(await counted("BEGIN; INSERT INTO t VALUES (1); COMMIT")).toBeGreaterThanOrEqual(1);
    expect(await counted("SELECT count(*) FROM t")).toBe(0);
    expect(await counted("CHECKPOINT")).toBeGreaterThan(2);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
