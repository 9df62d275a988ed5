import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { until } from "../../../../test/support/until.ts";
import { BackendSocket, copyLimits, headerBytes } from "./backend-socket.ts";
import { DirectSocket } from "./direct-socket.ts";
import { RegionPool } from "./region-pool.ts";

const never = new AbortController().signal;

async function connection(): Promise<{ client: DirectSocket; server: Socket; end: () => Promise<void> }> {
  const listener = createServer({ noDelay: true }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const client = new DirectSocket();
  client.connect((listener.address() as AddressInfo).port, "127.0.0.1");
  const [[server]] = (await Promise.all([once(listener, "connection"), once(client, "connect")])) as [
    [Socket],
    unknown,
  ];
  const end = async (): Promise<void> => {
    client.destroy();
    server.destroy();
    listener.close();
    await once(listener, "close");
  };
  return { client, server, end };
}

function message(payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(headerBytes + payload.length);
  bytes.writeUInt8(0x64, 0);
  bytes.writeInt32BE(payload.length + 4, 1);
  bytes.set(payload, headerBytes);
  return bytes;
}

test("whatever the sizes, bytes come in order while their memory is used again, and then as a stream", async () => {
  const pieces = fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(pieces, fc.integer({ min: 64, max: 4_096 }), async (sizes, regionBytesMax) => {
      const { client, server, end } = await connection();
      const pool = new RegionPool(regionBytesMax);
      const socket = new BackendSocket(client, { ...copyLimits, regionBytesMax, gatherMs: 0 }, pool);
      const sent = Buffer.concat(sizes.map(([size, fill]) => message(new Uint8Array(size).fill(fill))));
      server.write(sent);
      const read: Buffer[] = [];
      for (let bytes = 0; bytes < sent.length;) {
        const region = await socket.read(never);
        read.push(Buffer.from(region));
        bytes += region.length;
        pool.give(region);
      }
      expect(Buffer.concat(read).equals(sent)).toBe(true);
      socket.release();
      const arrival = once(client, "data");
      client.resume();
      server.write("farewell");
      expect(String(await arrival)).toBe("farewell");
      await end();
    }),
    { numRuns: 60 },
  );
});

test("memory that the kernel is still to write to is not used for another connection's bytes", async () => {
  const regionBytesMax = 1_000;
  const pool = new RegionPool(regionBytesMax);
  const limits = { ...copyLimits, regionBytesMax, gatherMs: 0 };
  const [first, second] = await Promise.all([connection(), connection()]);
  const [one, other] = [first, second].map(({ client }) => new BackendSocket(client, limits, pool));
  if (one === undefined || other === undefined) throw new Error("there are two");
  // The first connection reads, so that the rest of its memory is where its next bytes will come.
  first.server.write(message(new Uint8Array(600).fill(1)));
  pool.give(await one.read(never));
  // Whatever memory the second one takes next, what it reads there stays as it was read.
  const regions: Uint8Array[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    second.server.write(message(new Uint8Array(900).fill(2)));
    regions.push(await other.read(never));
  }
  first.server.write(message(new Uint8Array(300).fill(3)));
  expect(Buffer.from(await one.read(never)).equals(message(new Uint8Array(300).fill(3)))).toBe(true);
  for (const region of regions)
    expect(Buffer.from(region).equals(message(new Uint8Array(900).fill(2)))).toBe(true);
  await Promise.all([first.end(), second.end()]);
});

test("what comes once a reader has left a connection is not written into another connection's bytes", async () => {
  const regionBytesMax = 1_000;
  const pool = new RegionPool(regionBytesMax);
  const limits = { ...copyLimits, regionBytesMax, gatherMs: 0 };
  const [first, second] = await Promise.all([connection(), connection()]);
  const one = new BackendSocket(first.client, limits, pool);
  first.server.write(message(new Uint8Array(300).fill(1)));
  await one.read(never);
  one.release();
  const other = new BackendSocket(second.client, limits, pool);
  const sent = message(new Uint8Array(900).fill(2));
  second.server.write(sent.subarray(0, 700));
  const read = other.read(never);
  await until("the message has come in part", () => other.isWithinMessage);
  const arrival = once(first.client, "data");
  first.client.resume();
  first.server.write("the answer to the next statement");
  await arrival;
  second.server.write(sent.subarray(700));
  expect(Buffer.from(await read).equals(sent)).toBe(true);
  await Promise.all([first.end(), second.end()]);
});
