import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { built } from "../../../test/support/built.ts";
import { TemporaryDirectory } from "../../../test/support/temporary.ts";
import { DemoService } from "./demo-service.ts";

// The test builds and starts a program.
vi.setConfig({ testTimeout: 300_000 });

const listen = { api: "127.0.0.1:0" };
const targets = [{ name: "analytics", engine: "duckdb" }] as const;

async function start(directory: string, settings: object, signal = new AbortController().signal) {
  const program = [process.execPath, await built()] as const;
  return DemoService.start({ directory, settings, isDebug: false, program }, signal);
}

test("the service answers, logs into its directory, and is stopped in order", async () => {
  await using directory = await TemporaryDirectory.make();
  const never = new AbortController().signal;
  {
    await using service = await start(directory.path, { listen, targets });
    expect(await service.client.ask("status", {}, never)).toMatchObject({
      targets: [{ name: "analytics" }],
    });
    expect(service.signal.aborted).toBe(false);
  }
  expect(await readFile(join(directory.path, "service.log"), "utf8")).toContain("The service has stopped");
});

test("a service that does not start fails with what it said", async () => {
  await using directory = await TemporaryDirectory.make();
  await expect(start(directory.path, { listen: { api: "nowhere" } })).rejects.toMatchObject({
    code: "DEMO_SERVICE",
    message: expect.stringMatching(
      /^The service ended: .*zeroetl\.yaml.*listen\.api must be HOST:PORT/,
    ) as string,
  });
});

test("a service that ends by itself aborts its signal with what it said", async () => {
  await using directory = await TemporaryDirectory.make();
  await using service = await start(directory.path, { listen, targets });
  const record = await readFile(join(directory.path, "service.json"), "utf8");
  process.kill((JSON.parse(record) as { pid: number }).pid, "SIGKILL");
  expect(await service.reasonOf(new Error("the connection is closed"))).toMatchObject({
    code: "DEMO_SERVICE",
    message: "The service ended: SIGKILL",
  });
  expect(service.signal.aborted).toBe(true);
});

test("an interrupted start leaves no service behind", async () => {
  await using directory = await TemporaryDirectory.make();
  const stop = new AbortController();
  const starting = start(directory.path, { listen, targets }, stop.signal);
  stop.abort(new Error("interrupted"));
  await expect(starting).rejects.toThrow();
  await using again = await start(directory.path, { listen, targets });
  expect(again.signal.aborted).toBe(false);
});
