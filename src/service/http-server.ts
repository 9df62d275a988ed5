import { createAdaptorServer } from "@hono/node-server";
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { present } from "../base/assert.ts";
import { CodedError } from "../base/errors.ts";
import type { Address } from "../config/config.ts";

type Fetch = Parameters<typeof createAdaptorServer>[0]["fetch"];

/** How long connections with a response in progress may continue after a stop. */
const drainMs = 2000;

/** The time a request has to arrive, and the shorter time for its headers. */
const deadlines = { headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 };

/** Each uses a few kilobytes, and at most 64 KiB while a request arrives. */
const connectionsMax = 512;

/** Listens, and answers with `fetch`, until disposed of. */
export class HttpServer implements AsyncDisposable {
  /** Such as `http://127.0.0.1:5440`. */
  readonly url: string;
  readonly #server: Server;

  private constructor(url: string, server: Server) {
    this.url = url;
    this.#server = server;
  }

  /** Throws `CodedError` PORT_IN_USE. */
  static async listen(fetch: Fetch, { host, port }: Address): Promise<HttpServer> {
    const server = createAdaptorServer({
      fetch,
      overrideGlobalObjects: false,
      serverOptions: deadlines,
    }) as Server;
    limitConnections(server);
    const listening = once(server, "listening");
    server.listen(port, host);
    try {
      await listening;
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      const what =
        code === "EADDRINUSE" ? "is in use by another program" : `cannot be used (${code ?? "unknown"})`;
      throw new CodedError("PORT_IN_USE", `The address ${host}:${port} of listen.api ${what}`, { cause });
    }
    const { port: taken } = server.address() as AddressInfo;
    return new HttpServer(`http://${clientHost(host)}:${taken}`, server);
  }

  /** New connections are refused. Requests in progress may finish, unless that takes too long. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), drainMs);
    await closed;
    clearTimeout(timer);
  }
}

/**
 * At most `connectionsMax` at a time. To accept one more, the oldest one without a request in progress is closed, so
 * that clients that send slowly, or nothing, do not keep others out.
 */
function limitConnections(server: Server): void {
  /** In the order in which they were opened, each with its last request that is not yet answered. */
  const open = new Map<Socket, IncomingMessage | undefined>();
  server.on("connection", (socket: Socket) => {
    open.set(socket, undefined);
    socket.once("close", () => open.delete(socket));
    if (open.size <= connectionsMax) return;
    const waiting = [...open].find(([, request]) => request === undefined || !request.complete);
    // The new one is itself waiting.
    present(waiting, "a connection that has just been opened has brought no request")[0].destroy();
  });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    if (open.has(socket)) open.set(socket, request);
    response.once("close", () => {
      if (open.get(socket) === request) open.set(socket, undefined);
    });
  });
}

/** The host in a URL: if the service listens on all addresses, a client on this machine uses the loopback address. */
function clientHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
