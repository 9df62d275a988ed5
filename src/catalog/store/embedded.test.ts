import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openEmbedded } from "./embedded.ts";

test("the embedded server allocates at most 24 MiB of shared memory", async () => {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-embedded-"));
  try {
    await using database = await openEmbedded(directory);
    const { rows } = await database.query<{ mib: number }>(
      "SELECT (sum(allocated_size) / 1024 ^ 2)::float8 AS mib FROM pg_shmem_allocations",
    );
    expect(rows[0]?.mib).toBeLessThan(24);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
