import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { TemporaryDirectory } from "../../../test/support/temporary.ts";
import { until } from "../../../test/support/until.ts";

// A limit of the size of files stands in for a full disk: the kernel refuses to write in the same places.
const script =
  'trap \'\' XFSZ; ulimit -S -f 30000; exec "$0" --import ./test/support/typescript.mjs test/children/fill-disk.ts "$@"';

test.skipIf(process.platform !== "linux").each([
  ["the log of small transactions", ["2000"]],
  ["the database file of large ones", ["300000"]],
  ["a checkpoint of an idle database", ["50000", "pause"]],
])(
  "when %s fills the disk, that is said, nothing is lost, and it goes on when there is room",
  async (_, parameters) => {
    await using directory = await TemporaryDirectory.make();
    const child = spawn("bash", ["-c", script, process.execPath, directory.path, ...parameters], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines: string[] = [];
    createInterface(child.stdout).on("line", (line) => lines.push(line));
    try {
      expect(await until("the disk is full", () => lines[0], 90_000)).toBe("stopped TARGET_DISK_FULL");
      execFileSync("prlimit", ["--pid", String(child.pid), "--fsize=unlimited"]);
      child.stdin.write("go\n");
      const held = await until("it goes on", () => lines[2], 90_000);
      const [, position, next] = /^position (\d+) of (\d+)$/.exec(lines[1] ?? "") ?? [];
      expect(Number(position)).toBeGreaterThanOrEqual(Number(next));
      const [, count, different, all] = /^rows (\d+) (\d+) of (\d+)$/.exec(held) ?? [];
      expect([count, different]).toEqual([all, all]);
    } finally {
      child.kill("SIGKILL");
    }
  },
);
