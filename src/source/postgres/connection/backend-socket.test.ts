import { PassThrough } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  BackendSocket,
  copyLimits,
  headerBytes,
  readServerError,
  type ReadLimits,
} from "./backend-socket.ts";
import { RegionPool } from "./region-pool.ts";

const never = new AbortController().signal;

function message(kind: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(headerBytes + payload.length);
  bytes.writeUInt8(kind, 0);
  bytes.writeInt32BE(payload.length + 4, 1);
  bytes.set(payload, headerBytes);
  return bytes;
}

async function regionsOf(chunks: readonly Uint8Array[], limits: ReadLimits): Promise<Uint8Array[]> {
  const stream = new PassThrough();
  const socket = new BackendSocket(stream, limits);
  const total = chunks.reduce((sum, { length }) => sum + length, 0);
  for (const chunk of chunks) stream.write(chunk);
  const regions: Uint8Array[] = [];
  for (let bytes = 0; bytes < total;) {
    const region = await socket.read(never);
    regions.push(region);
    bytes += region.length;
  }
  socket.destroy();
  return regions;
}

test("wherever the network cuts, regions hold whole messages and nothing is lost", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 200 }),
      async (payloads, cuts, regionBytesMax) => {
        const bytes = Buffer.concat(payloads.map((payload) => message(0x64, payload)));
        const chunks: Buffer[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const length = cuts[turn % cuts.length] ?? 1;
          chunks.push(bytes.subarray(at, at + length));
          at += length;
        }
        const regions = await regionsOf(chunks, { ...copyLimits, regionBytesMax, gatherMs: 0 });
        expect(Buffer.concat(regions).equals(bytes)).toBe(true);
        for (const region of regions) {
          let at = 0;
          while (at < region.length) at += 1 + Buffer.from(region).readInt32BE(at + 1);
          expect(at).toBe(region.length);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("a length that no server sends ends the reading", async () => {
  const stream = new PassThrough();
  const socket = new BackendSocket(stream, copyLimits);
  stream.write(Buffer.from([0x64, 0xff, 0xff, 0xff, 0xff]));
  await expect(socket.read(never)).rejects.toThrow("length -1");
});

test("a reader learns that its connection has ended after reading what came before", async () => {
  const stream = new PassThrough();
  const socket = new BackendSocket(stream, { ...copyLimits, gatherMs: 0 });
  const whole = message(0x64, Buffer.from("x"));
  stream.write(Buffer.concat([whole, whole.subarray(0, 3)]));
  const region = await socket.read(never);
  expect(Buffer.from(region).equals(whole)).toBe(true);
  stream.destroy();
  await expect(socket.read(never)).rejects.toThrow("it ended unexpectedly");
});

test("an aborted read throws the signal's reason", async () => {
  const socket = new BackendSocket(new PassThrough(), copyLimits);
  const stop = new AbortController();
  const read = socket.read(stop.signal);
  stop.abort(new Error("enough"));
  await expect(read).rejects.toThrow("enough");
});

test("what the server says of an error keeps its SQLSTATE", () => {
  const bytes = message(0x45, Buffer.from("SFATAL\0C57P01\0Mgoing down\0\0"));
  expect(readServerError(bytes, 0)).toMatchObject({
    code: "57P01",
    message: "going down",
    severity: "FATAL",
  });
});

test("one connection's readers, one after another, have one space", async () => {
  const pool = new RegionPool(copyLimits.regionBytesMax);
  const first = pool.take(0);
  pool.give(first);
  const stream = new PassThrough();
  for (let turn = 0; turn < 3; turn++) {
    const socket = new BackendSocket(stream, { ...copyLimits, gatherMs: 0 }, pool);
    stream.write(message(0x64, Buffer.from("x")));
    await socket.read(never);
    socket.release();
  }
  expect(pool.first(stream).buffer === first.buffer).toBe(true);
});
