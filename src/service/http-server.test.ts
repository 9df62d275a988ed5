import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { credentials, TestService } from "../../test/support/aws-service.ts";
import { RawConnection } from "../../test/support/raw-http.ts";
import { signedHeaders } from "../../test/support/signing.ts";
import { until } from "../../test/support/until.ts";

const body = "Action=DescribeIntegrations&Version=2014-10-31";
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  sockets.push(socket);
  socket.on("error", () => {});
  // Only who reads hears that the other side has closed.
  socket.resume();
  await once(socket, "connect");
  return socket;
}

/** The head of a request with a body of that length. */
async function headOf(url: string, length: number, key = credentials): Promise<string> {
  const headers = await signedHeaders(url, { credentials: key, body });
  const lines = Object.entries({ ...headers, host: new URL(url).host, "content-length": length });
  return `POST / HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

async function answersWell(url: string): Promise<void> {
  const headers = await signedHeaders(url, { body });
  expect((await fetch(url, { method: "POST", headers, body })).status).toBe(200);
}

test("who sends slowly, or nothing, is closed for those who come later", async () => {
  await using service = await TestService.start();
  const head = await headOf(service.url, 1_000_000);
  const half = Buffer.from(head + "x".repeat(900_000));
  const before = process.memoryUsage().rss;
  for (let begun = 0; begun < 1_500; begun += 1) {
    const socket = await open(service.url);
    if (begun % 3 > 0) socket.write(begun % 3 === 1 ? half : head.slice(0, 100));
    if (begun % 300 === 299) await answersWell(service.url);
  }
  await answersWell(service.url);
  const isOpen = (socket: Socket): boolean => !socket.closed;
  await until("the others are closed", () => sockets.filter(isOpen).length <= 512, 4_000);
  // The clients of this test are in this process, too, with what they have not sent.
  expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
});

test("a request that is not there after 10 s is given up", async () => {
  await using service = await TestService.start();
  const head = await headOf(service.url, 100);
  const started = performance.now();
  const slow = await Promise.all(
    ["POST / HTTP/1.1\r\nhost: x\r\n", `${head}Action=`].map(async (text) => {
      const socket = await open(service.url);
      socket.write(text);
      return socket;
    }),
  );
  await until("both are closed", () => slow.every((socket) => socket.closed), 20_000);
  expect(performance.now() - started).toBeGreaterThan(4_000);
});

test("a body is not waited for when its claim is refused", async () => {
  await using service = await TestService.start();
  using connection = await RawConnection.open(service.url);
  const head = await headOf(service.url, 1_000_000, { ...credentials, accessKeyId: "AKIDNOBODY" });
  const answer = await Promise.race([connection.exchange(Buffer.from(head)), sleep(4_000)]);
  expect(answer).toMatchObject({ status: 403, body: expect.stringContaining("InvalidClientTokenId") });
});

test.each([
  ["127.0.0.1", 200],
  ["localhost:5440", 200],
  ["[::1]:5440", 200],
  ["zeroetl.localhost", 200],
  ["attacker.example", 421],
  ["127.0.0.1.attacker.example:5440", 421],
  ["localhost.attacker.example", 421],
])("/metrics for the Host %s: %d", async (host, status) => {
  await using service = await TestService.start();
  using connection = await RawConnection.open(service.url);
  const answer = await connection.exchange(Buffer.from(`GET /metrics HTTP/1.1\r\nhost: ${host}\r\n\r\n`));
  expect(answer?.status).toBe(status);
});
