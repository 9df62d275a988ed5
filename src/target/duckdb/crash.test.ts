import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { applyNext } from "../../../test/support/endless-changes.ts";
import { printedSeed, randomFrom } from "../../../test/support/random.ts";
import { Changes } from "../../../test/support/target-changes.ts";
import { expected, seen } from "../../../test/support/target-contents.ts";
import { TemporaryDirectory } from "../../../test/support/temporary.ts";
import { never, shopRequest } from "../../../test/support/test-warehouse.ts";
import { until } from "../../../test/support/until.ts";
import { duckdb } from "./engine.ts";

/** A process that applies random changes until it is killed. */
class Applier {
  readonly #process: ChildProcess;
  /** Lines that it has written. */
  readonly lines: string[] = [];

  constructor(directory: string, seed: number) {
    const script = ["--import", "./test/support/typescript.mjs", "test/children/apply-changes.ts"];
    this.#process = spawn(process.execPath, [...script, directory, String(seed)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (this.#process.stdout !== null)
      createInterface(this.#process.stdout).on("line", (line) => this.lines.push(line));
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    if (this.#process.exitCode === null && this.#process.signalCode === null)
      await once(this.#process, "exit");
  }
}

test("after kill -9 in the middle of applying, rows and checkpoint agree and nothing that was committed is missing", async () => {
  const seed = printedSeed();
  const random = randomFrom(seed);
  await using directory = await TemporaryDirectory.make();
  for (let round = 0; round < 10; round++) {
    const applier = new Applier(directory.path, seed);
    await until("something is committed", () => applier.lines.length > 0);
    await sleep(random() * 400);
    await applier.kill();
    expect(applier.lines.at(-1)).not.toMatch(/failed/);
    const said = Number(applier.lines.at(-1));

    await using warehouse = await duckdb.open({ directory: directory.path, settings: {} }, never);
    await using database = await warehouse.database(shopRequest, never);
    const held = Number(database.progress().checkpoint);
    // What was said is held; what was not may be, if it was killed between commit and word.
    expect(held).toBeGreaterThanOrEqual(said);
    expect(held).toBeLessThanOrEqual(said + 1);
    const changes = new Changes(seed);
    for (let number = 1; number <= held; number++) applyNext(changes, number);
    expect(await seen(warehouse)).toEqual(expected(changes.model));
  }
}, 300_000);

test("a second process is refused while the first lives, and not after kill -9", async () => {
  await using directory = await TemporaryDirectory.make();
  const first = new Applier(directory.path, 1);
  await until("something is committed", () => first.lines.length > 0);
  await expect(duckdb.open({ directory: directory.path, settings: {} }, never)).rejects.toMatchObject({
    code: "TARGET_LOCKED",
  });
  const second = new Applier(directory.path, 1);
  await until("the second gives up", () => second.lines.includes("failed TARGET_LOCKED"));
  await first.kill();
  await using warehouse = await duckdb.open({ directory: directory.path, settings: {} }, never);
  expect(await warehouse.databases(never)).toMatchObject([{ name: "dev" }, { name: "shop", kind: "owned" }]);
});
