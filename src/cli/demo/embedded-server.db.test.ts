import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { EmbeddedServer, stopLeftover } from "./embedded-server.ts";

const never = new AbortController().signal;
const settled = async (): Promise<void> => {};

test("the demo's server decodes logically, and leaves nothing behind", async () => {
  let directory: string;
  {
    await using server = await EmbeddedServer.start(settled, never);
    ({ directory } = server);
    const client = await server.connect("postgres");
    const { rows } = await client.query<{ wal: string }>("SELECT current_setting('wal_level') AS wal");
    expect(rows[0]?.wal).toBe("logical");
    await client.end();
  }
  expect(existsSync(directory)).toBe(false);
});

test("what a killed demo leaves behind is stopped and removed, and a stranger's process is not", async () => {
  const server = await EmbeddedServer.start(settled, never);
  await stopLeftover(server.directory);
  expect(existsSync(server.directory)).toBe(false);
  await expect(server.connect("postgres")).rejects.toThrow(/ECONNREFUSED/);
  await server[Symbol.asyncDispose]();
});
