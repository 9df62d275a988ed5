import { randomBytes } from "node:crypto";
import { readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { TemporaryDirectory } from "../../../../test/support/temporary.ts";
import { SecretBytes } from "../../../base/secret.ts";
import { spoolHeaderBytes, Spools, type SpooledTransaction } from "./spool.ts";

const key = new SecretBytes(randomBytes(32));

test("messages come back in order, whole, whatever their sizes and however often they were flushed", async () => {
  await using directory = await TemporaryDirectory.make();
  await using spools = await Spools.open(directory.path, key);
  let xid = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 900_000 }), flush: fc.boolean() }), {
        maxLength: 30,
      }),
      async (messages) => {
        xid += 1;
        const spool = await spools.get(xid);
        for (const [index, { bytes, flush }] of messages.entries()) {
          const region = new Uint8Array(bytes + 7).fill(index + 1);
          spool.append(region, 3, 3 + bytes);
          if (flush) await spools.flush();
        }
        await spool.flush();
        const sizes: number[] = [];
        for await (const region of spool.regions())
          for (let at = 0; at < region.length;) {
            const length = Buffer.from(region).readInt32BE(at);
            const bytes = region.subarray(at + spoolHeaderBytes, at + spoolHeaderBytes + length);
            expect(bytes.length).toBe(length);
            expect(bytes.every((byte) => byte === sizes.length + 1)).toBe(true);
            sizes.push(length);
            at += spoolHeaderBytes + length;
          }
        expect(sizes).toEqual(messages.map(({ bytes }) => bytes));
        await spools.remove(xid);
      },
    ),
    { numRuns: 30 },
  );
  expect(await readdir(directory.path)).toEqual([]);
});

test("a message larger than a read is read whole", async () => {
  await using directory = await TemporaryDirectory.make();
  await using spools = await Spools.open(directory.path, key);
  const spool = await spools.get(1);
  const large = 5 << 20;
  spool.append(new Uint8Array(large).fill(9), 0, large);
  spool.append(new Uint8Array(10).fill(8), 0, 10);
  await spool.flush();
  const regions: Uint8Array[] = [];
  for await (const region of spool.regions()) regions.push(region);
  expect(regions).toHaveLength(1);
  expect(regions[0]).toHaveLength(large + 10 + 2 * spoolHeaderBytes);
  expect(regions[0]?.subarray(-10)).toEqual(new Uint8Array(10).fill(8));
});

test("opening removes what a crash left, and files are for the owner alone", async () => {
  await using directory = await TemporaryDirectory.make();
  const path = join(directory.path, "spool");
  await (await Spools.open(path, key))[Symbol.asyncDispose]();
  await writeFile(join(path, "1.spool"), "left");
  await using spools = await Spools.open(path, key);
  expect(await readdir(path)).toEqual([]);
  await spools.get(7);
  expect((await stat(join(path, "7.spool"))).mode & 0o777).toBe(0o600);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});

async function contentsOf(spool: SpooledTransaction): Promise<Buffer> {
  const regions: Uint8Array[] = [];
  for await (const region of spool.regions()) regions.push(region);
  return Buffer.concat(regions);
}

test("nothing that was spooled stands in the file, nor is anything the same in two files", async () => {
  await using directory = await TemporaryDirectory.make();
  await using spools = await Spools.open(directory.path, key);
  const text = Buffer.from("a row of somebody's table ".repeat(100));
  const files: Buffer[] = [];
  for (const xid of [1, 2]) {
    const spool = await spools.get(xid);
    spool.append(text, 0, text.length);
    await spool.flush();
    files.push(await readFile(join(directory.path, `${xid}.spool`)));
  }
  const [one, two] = files;
  expect(one?.includes("somebody")).toBe(false);
  expect(one?.length).toBe(two?.length);
  // After the length of the frame.
  expect(one?.subarray(4, 20).equals(two?.subarray(4, 20) ?? Buffer.alloc(0))).toBe(false);
});

test("a spool file that was changed, cut off or put in another order is an error, never other data", async () => {
  await using directory = await TemporaryDirectory.make();
  await using spools = await Spools.open(directory.path, key);
  const spool = await spools.get(1);
  for (const fill of [1, 2, 3]) {
    spool.append(new Uint8Array(50).fill(fill), 0, 50);
    await spool.flush();
  }
  const path = join(directory.path, "1.spool");
  const written = await readFile(path);
  const whole = await contentsOf(spool);
  expect(whole).toHaveLength(3 * 54);
  const refused = { code: "TARGET_FAILED", message: expect.stringContaining("not as it was written") };
  for (let at = 0; at < written.length; at += 1) {
    const changed = Buffer.from(written);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    await writeFile(path, changed);
    await expect(contentsOf(spool)).rejects.toMatchObject(refused);
  }
  for (const length of [0, 3, 74, written.length - 1]) {
    await writeFile(path, written);
    await truncate(path, length);
    await expect(contentsOf(spool)).rejects.toMatchObject(refused);
  }
  const [first, ...rest] = [0, 1, 2].map((index) => written.subarray(index * 74, (index + 1) * 74));
  await writeFile(path, Buffer.concat([...rest, first ?? Buffer.alloc(0)]));
  await expect(contentsOf(spool)).rejects.toMatchObject(refused);
  await writeFile(path, written);
  expect(await contentsOf(spool)).toEqual(whole);
});
