import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { EventEnvelope } from "../../src/runtime/events/event-envelope.ts";

/** What the receiver does with a request: answers with a status, never answers, or breaks the connection. */
export type Conduct = number | "hang" | "cut";

export interface Received {
  readonly envelope: EventEnvelope;
  readonly headers: IncomingMessage["headers"];
  readonly path: string | undefined;
  readonly conduct: Conduct;
}

/** A server that events are sent to, and that may behave badly. */
export class WebhookReceiver implements AsyncDisposable {
  readonly received: Received[] = [];
  conduct: (envelope: EventEnvelope) => Conduct | Promise<Conduct> = () => 204;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    return receiver;
  }

  /** Without the scheme, such as `127.0.0.1:4711`. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.host}/hook`;
  }

  /**
   * The numbers of the events of an integration that were taken, in the order in which they were. One that was taken
   * and is offered again, as the answer came too late, counts once: so the id of the envelope tells a receiver.
   */
  taken(integrationId: string): string[] {
    const taken = this.received.flatMap(({ envelope, conduct }) =>
      isTaken(conduct) && envelope.resources[0].endsWith(integrationId) ? [envelope] : [],
    );
    const numbers = new Map(taken.map(({ id, detail }) => [id, detail.eventId.slice(-4)]));
    return [...numbers.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const envelope = JSON.parse(Buffer.concat(chunks).toString()) as EventEnvelope;
    const conduct = await this.conduct(envelope);
    this.received.push({ envelope, headers: request.headers, path: request.url, conduct });
    if (conduct === "hang") return;
    if (conduct === "cut") request.socket.destroy();
    else response.writeHead(conduct, { location: "/elsewhere" }).end("an answer that nobody reads");
  }
}

function isTaken(conduct: Conduct): boolean {
  return typeof conduct === "number" && conduct >= 200 && conduct < 300;
}
