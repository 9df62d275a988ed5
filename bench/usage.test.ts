import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { shown } from "./report.ts";
import { Meter } from "./usage.ts";

test.runIf(process.platform === "linux")(
  "a meter tells the processor time and the peak memory of another process since it started",
  async () => {
    const script = `
      process.stdin.once("data", () => {
        const held = Buffer.alloc(200 * 1024 * 1024, 1);
        const before = process.cpuUsage();
        while (process.cpuUsage(before).user < 300_000);
        console.log(held.length);
      });
      console.log("ready");`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "inherit"] });
    await once(child.stdout, "data");
    const meter = Meter.start(child.pid ?? 0);
    child.stdin.write("go\n");
    await once(child.stdout, "data");
    const { idleMiB, peakMiB, cpuSeconds } = meter.used();
    expect(peakMiB - idleMiB).toBeGreaterThan(190);
    expect(cpuSeconds).toBeGreaterThanOrEqual(0.28);
    meter.restart();
    expect(meter.used()).toMatchObject({ idleMiB, cpuSeconds: expect.closeTo(0, 1) as number });
    child.kill("SIGKILL");
    await once(child, "exit");
  },
);

test("what the system does not tell is printed as unknown", () => {
  expect([shown(12.5, "s", 2), shown(7), shown(Number.NaN, "MiB")]).toEqual(["12.50 s", "7", "unknown"]);
});
