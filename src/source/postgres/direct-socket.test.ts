import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
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
