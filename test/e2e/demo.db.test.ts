import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { Command, run } from "../support/command.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { until } from "../support/until.ts";

// Programs are built and started, a whole service among them.
vi.setConfig({ testTimeout: 300_000 });

test("a demo of 15 seconds replicates, measures, proves both sides equal, and leaves nothing behind", async () => {
  await using directory = await TemporaryDirectory.make();
  const { status, out, err } = await run(["demo", "--seconds", "15", "--rows", "2000"], {
    directory: directory.path,
  });
  expect({ status, err, out }).toMatchObject({ status: 0, err: "" });
  expect(out).toMatch(/rows copied +[1-9][\d,]* in /);
  expect(out).toMatch(/changes applied +[1-9][\d,]*/);
  expect(out).toMatch(
    /lag +p50 [\d.]+ m?s, p99 [\d.]+ m?s, from commit until visible in a query \(\d+ samples?\)/,
  );
  expect(out).toMatch(/verify +9 tables equal, 0 different\./);
  expect(out).toMatch(/aws rds describe-integrations --endpoint-url http:\/\/127\.0\.0\.1:\d+/);
  expect(existsSync(join(directory.path, "zeroetl-demo"))).toBe(false);
});

test("what the demo prints to look for oneself works, and Ctrl-C ends everything in order", async () => {
  await using directory = await TemporaryDirectory.make();
  const options = { directory: directory.path };
  await using demo = await Command.start(["demo", "--rows", "500"], options);
  demo.read();
  await demo.says(/Ctrl-C stops it all\./, 90_000);
  const query = await run(
    ["query", "--data-dir", "zeroetl-demo", "SELECT count(*) > 90 AS enough FROM shop.public.orders"],
    options,
  );
  expect(query.out).toBe("enough\ntrue\n(1 row)\n");
  expect((await run(["status", "--data-dir", "zeroetl-demo"], options)).out).toMatch(
    /shop {2}active {2}shop → analytics/,
  );
  const server = await readFile(join(directory.path, "zeroetl-demo", ".demo", "server"), "utf8");
  expect(existsSync(server)).toBe(true);
  demo.process.kill("SIGINT");
  expect(await demo.end()).toMatchObject({ status: 0, err: "" });
  expect(existsSync(server)).toBe(false);
  expect(existsSync(join(directory.path, "zeroetl-demo"))).toBe(false);
});

test("a second Ctrl-C ends a demo at once, and its server with it", async () => {
  await using directory = await TemporaryDirectory.make();
  await using demo = await Command.start(["demo", "--rows", "500"], { directory: directory.path });
  demo.read();
  await demo.says(/Ctrl-C stops it all\./, 90_000);
  const server = await readFile(join(directory.path, "zeroetl-demo", ".demo", "server"), "utf8");
  const pid = Number((await readFile(join(server, "data", "postmaster.pid"), "utf8")).split("\n")[0]);
  demo.process.kill("SIGINT");
  demo.process.kill("SIGINT");
  const { status } = await demo.end();
  // Where both signals came as one, it has stopped in order.
  expect([0, 130]).toContain(status);
  await until("its server has ended", () => !isAlive(pid));
  await rm(server, { recursive: true, force: true });
});

test("a second signal ends a demo while rows are copied, and its server with it", async () => {
  await using directory = await TemporaryDirectory.make();
  await using demo = await Command.start(["demo", "--rows", "1500000"], { directory: directory.path });
  demo.read();
  await demo.says(/The service with the RDS API/, 120_000);
  await until("rows are copied", async () =>
    (await run(["status", "--data-dir", "zeroetl-demo"], { directory: directory.path })).out.includes(
      "copying",
    ),
  );
  const server = await readFile(join(directory.path, "zeroetl-demo", ".demo", "server"), "utf8");
  const pid = Number((await readFile(join(server, "data", "postmaster.pid"), "utf8")).split("\n")[0]);
  demo.process.kill("SIGTERM");
  demo.process.kill("SIGINT");
  await until("it has ended", () => demo.hasEnded, 10_000);
  expect([0, 130, 143]).toContain((await demo.end()).status);
  await until("its server has ended", () => !isAlive(pid));
  await rm(server, { recursive: true, force: true });
});

test("a demo whose reader goes away stops in order", async () => {
  await using directory = await TemporaryDirectory.make();
  await using demo = await Command.start(["demo", "--rows", "500"], { directory: directory.path });
  await once(demo.process.stdout ?? demo.process, "data");
  const server = await readFile(join(directory.path, "zeroetl-demo", ".demo", "server"), "utf8");
  demo.process.stdout?.destroy();
  expect(await demo.end()).toMatchObject({ status: 0, err: "" });
  expect(existsSync(server)).toBe(false);
  expect(existsSync(join(directory.path, "zeroetl-demo"))).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("a killed demo does not stand in the way of the next one, which cleans up after it", async () => {
  await using directory = await TemporaryDirectory.make();
  const options = { directory: directory.path };
  const killed = await Command.start(["demo", "--rows", "500"], options);
  const record = join(directory.path, "zeroetl-demo", ".demo", "server");
  const server = await until("its server runs", async () => {
    const path = await readFile(record, "utf8").catch(() => undefined);
    return path !== undefined && existsSync(join(path, "data", "postmaster.pid")) && path;
  });
  await killed[Symbol.asyncDispose]();
  expect(existsSync(server)).toBe(true);
  const next = await run(["demo", "--rows", "500", "--seconds", "1"], options);
  expect({ status: next.status, err: next.err }).toEqual({ status: 0, err: "" });
  expect(existsSync(server)).toBe(false);
});

test("a killed demo takes its service with it", async () => {
  await using directory = await TemporaryDirectory.make();
  await using demo = await Command.start(["demo", "--rows", "500"], { directory: directory.path });
  demo.read();
  await demo.says(/Ctrl-C stops it all\./, 90_000);
  const server = await readFile(join(directory.path, "zeroetl-demo", ".demo", "server"), "utf8");
  const pid = await servicePid(directory.path);
  expect(isAlive(pid)).toBe(true);
  demo.process.kill("SIGKILL");
  await until("its service has ended", () => !isAlive(pid));
  await rm(server, { recursive: true, force: true });
});

test("a demo whose service ends says so, and leaves nothing behind", async () => {
  await using directory = await TemporaryDirectory.make();
  await using demo = await Command.start(["demo", "--rows", "500"], { directory: directory.path });
  demo.read();
  await demo.says(/Ctrl-C stops it all\./, 90_000);
  process.kill(await servicePid(directory.path), "SIGKILL");
  expect(await demo.end()).toMatchObject({
    status: 1,
    err: "zeroetl: The service ended: SIGKILL. Run it again with --debug, which shows the service's log.\n",
  });
  expect(existsSync(join(directory.path, "zeroetl-demo"))).toBe(false);
});

test("a demo whose standard port is taken runs on another one", async () => {
  const other = createServer().listen(5440, "127.0.0.1");
  // Where another program has the port, it is taken, too.
  await once(other, "listening").catch(() => {});
  await using directory = await TemporaryDirectory.make();
  const parameters = ["demo", "--rows", "500", "--seconds", "1"];
  const { status, out, err } = await run(parameters, { directory: directory.path });
  other.close();
  expect({ status, err }).toEqual({ status: 0, err: "" });
  expect(out).toMatch(/RDS API: http:\/\/127\.0\.0\.1:(?!5440\b)\d+/);
});

async function servicePid(directory: string): Promise<number> {
  const record = await readFile(join(directory, "zeroetl-demo", "service.json"), "utf8");
  return (JSON.parse(record) as { pid: number }).pid;
}
