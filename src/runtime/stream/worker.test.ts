import { expect, test, vi } from "vitest";
import { SecretBytes } from "../../base/secret.ts";
import type { SourceEngine } from "../../source/source.ts";
import type { DestinationDatabase, Warehouse } from "../../target/target.ts";
import { openingLimits } from "./opening.ts";
import { Worker } from "./worker.ts";

/** Waits for its signal alone, as something that was not thought of might. */
function stuck(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

function workerOf(open: SourceEngine["open"]): Worker {
  const database: Partial<DestinationDatabase> = {
    tables: () => Promise.resolve([]),
    progress: () => ({ checkpoint: undefined, copies: undefined, tables: [] }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const warehouse: Partial<Warehouse> = { database: () => Promise.resolve(database as DestinationDatabase) };
  return Worker.start({
    stream: { url: "", database: "d", integrationId: "i", scope: { clauses: [] } },
    source: { open } as SourceEngine,
    sourceArn: "arn",
    warehouse: warehouse as Warehouse,
    destinationDatabase: "d",
    spoolDirectory: "",
    dataKey: new SecretBytes(new Uint8Array(32)),
    catalogPollMs: 1000,
    nextEpoch: () => Promise.resolve(1),
  });
}

test("an attempt that does not come to an end is reported, given up and made again", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    let attempts = 0;
    await using worker = workerOf((_request, signal) => {
      attempts += 1;
      return stuck(signal);
    });
    await vi.advanceTimersByTimeAsync(openingLimits.reportMs - 1);
    expect((await worker.health()).phase).toEqual({ kind: "connecting" });
    await vi.advanceTimersByTimeAsync(1);
    expect((await worker.health()).phase).toMatchObject({
      kind: "retrying",
      error: { code: "STREAM_OVERDUE", message: expect.stringContaining("longer than 2 minutes") },
      nextAttemptAt: undefined,
    });
    expect(attempts).toBe(1);
    await vi.advanceTimersByTimeAsync(openingLimits.mostMs - openingLimits.reportMs);
    const { phase } = await worker.health();
    expect(phase).toMatchObject({ error: { message: expect.stringContaining("longer than 10 minutes") } });
    expect(phase).toHaveProperty("nextAttemptAt", expect.any(Date));
  } finally {
    vi.useRealTimers();
  }
});
