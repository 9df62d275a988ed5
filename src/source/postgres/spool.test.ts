import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { TemporaryDirectory } from "../../../test/support/temporary.ts";
import { spoolHeaderBytes, Spools } from "./spool.ts";

test("messages come back in order, whole, whatever their sizes and however often they were flushed", async () => {
  await using directory = await TemporaryDirectory.make();
  await using spools = await Spools.open(directory.path);
  let xid = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 300_000 }), flush: fc.boolean() }), {
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
  await using spools = await Spools.open(directory.path);
  const spool = await spools.get(1);
  const large = 5 << 20;
  spool.append(new Uint8Array(large).fill(9), 0, large);
  spool.append(new Uint8Array(10).fill(8), 0, 10);
  await spool.flush();
  const regions: Uint8Array[] = [];
  for await (const region of spool.regions()) regions.push(region);
  expect(regions.map(({ length }) => length)).toEqual([large + spoolHeaderBytes, 10 + spoolHeaderBytes]);
});

test("opening removes what a crash left, and files are for the owner alone", async () => {
  await using directory = await TemporaryDirectory.make();
  const path = join(directory.path, "spool");
  await (await Spools.open(path))[Symbol.asyncDispose]();
  await writeFile(join(path, "1.spool"), "left");
  await using spools = await Spools.open(path);
  expect(await readdir(path)).toEqual([]);
  await spools.get(7);
  expect((await stat(join(path, "7.spool"))).mode & 0o777).toBe(0o600);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});
