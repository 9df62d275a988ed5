import { createAdaptorServer } from "@hono/node-server";
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { present } from "../base/assert.ts";
import { CodedError } from "../base/errors.ts";
import type { Address } from "../config/config.ts";

type Fetch = Parameters<typeof createAdaptorServer>[0]["fetch"];

/** How long connections that are busy answering may go on after a stop. */
const drainMs = 2000;

/** A request has this long to arrive, and its headers a part of that. */
const deadlines = { headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 };

/** Each takes some kilobytes, and 64 KiB at most while a request arrives. */
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

  /** New connections are refused; requests that are being answered may finish, unless that takes too long. */
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
 * At most `connectionsMax` at a time. For one more, the oldest one that is not being answered is closed: clients that
 * send slowly, or nothing, keep no one else out.
 */
function limitConnections(server: Server): void {
  /** In the order of their opening, with the request that each brought last and that is not answered yet. */
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

/** The host in a URL: where the service listens everywhere, a client on this machine finds it at home. */
function clientHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
