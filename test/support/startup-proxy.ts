import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** What a pooler says instead of forwarding a startup packet. */
export interface Refusal {
  readonly state: string;
  readonly text: string;
}

export interface StartupProxyOptions {
  /** Of the server. */
  readonly port: number;
  /** Parameters of the startup packet that are not passed on. */
  readonly drops?: readonly string[];
  readonly refuses?: (parameters: ReadonlyMap<string, string>) => Refusal | undefined;
}

const headBytes = 8;

/** Stands between a client and PostgreSQL, and treats the startup packet as poolers do. */
export class StartupProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(options: StartupProxyOptions): Promise<StartupProxy> {
    const proxy = new StartupProxy(createServer((client) => proxy.#accept(client, options)));
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #accept(client: Socket, options: StartupProxyOptions): void {
    this.#hold(client);
    client.once("data", (packet) => {
      const parameters = parametersOf(packet);
      const refusal = options.refuses?.(parameters);
      if (refusal !== undefined) {
        client.end(errorResponse(refusal));
        return;
      }
      for (const name of options.drops ?? []) parameters.delete(name);
      const server = connect(options.port, "127.0.0.1");
      this.#hold(server);
      server.write(packetOf(packet.subarray(0, headBytes), parameters));
      client.pipe(server).pipe(client);
    });
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    // The other end sees that it was closed.
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Of a packet that came whole, as a local one does. */
function parametersOf(packet: Buffer): Map<string, string> {
  const texts = packet.toString("utf8", headBytes).split("\0");
  const parameters = new Map<string, string>();
  for (let at = 0; at + 1 < texts.length && texts[at] !== ""; at += 2)
    parameters.set(texts[at] ?? "", texts[at + 1] ?? "");
  return parameters;
}

function packetOf(head: Buffer, parameters: ReadonlyMap<string, string>): Buffer {
  const texts = [...parameters].flatMap(([name, value]) => [name, value]);
  const body = Buffer.from(`${texts.map((text) => `${text}\0`).join("")}\0`);
  const packet = Buffer.concat([head, body]);
  packet.writeInt32BE(packet.length);
  return packet;
}

function errorResponse({ state, text }: Refusal): Buffer {
  const fields = Buffer.from(`SFATAL\0C${state}\0M${text}\0\0`);
  const message = Buffer.concat([Buffer.from("E\0\0\0\0"), fields]);
  message.writeInt32BE(fields.length + 4, 1);
  return message;
}
