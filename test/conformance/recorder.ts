import { once } from "node:events";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** One request and its answer. */
export interface Exchange {
  /** The parameters, without what belongs to the signature. */
  readonly parameters: unknown;
  readonly status: number;
  /** Those that say what the body is. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Answer = Omit<Exchange, "parameters">;

/**
 * Stands between the clients and the service, which each of them asks by itself, and keeps what was said. What took
 * effect cannot be asked again: the answer to the first client is then given to the others, too.
 */
export class Recorder implements AsyncDisposable {
  readonly #server: Server;
  readonly #serviceUrl: string;
  #exchanges: Exchange[] = [];
  #effect: Answer | undefined;
  #failure: unknown;

  private constructor(serviceUrl: string) {
    this.#serviceUrl = serviceUrl;
    this.#server = createServer((incoming, response) => {
      this.#answer(incoming, response).catch((error: unknown) => {
        this.#failure = error;
        response.destroy();
      });
    });
  }

  static async start(serviceUrl: string): Promise<Recorder> {
    const recorder = new Recorder(serviceUrl);
    recorder.#server.listen(0, "127.0.0.1");
    await once(recorder.#server, "listening");
    return recorder;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What was said since the last time. */
  take(): Exchange[] {
    if (this.#failure !== undefined)
      throw new Error("a request could not be passed on", { cause: this.#failure });
    const exchanges = this.#exchanges;
    this.#exchanges = [];
    this.#effect = undefined;
    return exchanges;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = await text(incoming);
    const answer = this.#effect ?? (await this.#passOn(incoming, asked));
    const { action, parameters } = parametersOf(incoming, asked);
    if (answer.status === 200 && !/^(?:Describe|List|Get)/.test(action)) this.#effect = answer;
    this.#exchanges.push({ parameters, ...answer });
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  /** With the headers as they are, `Host` among them, which is signed. */
  async #passOn({ method, headers }: IncomingMessage, asked: string): Promise<Answer> {
    const outgoing = request(this.#serviceUrl, { method, headers, agent: false });
    outgoing.end(asked);
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    const told = ["content-type", "x-amzn-errortype"].flatMap((name) => {
      const value = answer.headers[name];
      return typeof value === "string" ? [[name, value] as const] : [];
    });
    return { status: answer.statusCode ?? 0, headers: Object.fromEntries(told), body: await text(answer) };
  }
}

function parametersOf(
  { headers }: IncomingMessage,
  asked: string,
): { readonly action: string; readonly parameters: unknown } {
  const target = headers["x-amz-target"];
  if (typeof target === "string")
    return { action: target.split(".").at(-1) ?? "", parameters: JSON.parse(asked) };
  const { Action: action = "", ...parameters } = Object.fromEntries(new URLSearchParams(asked));
  return { action, parameters };
}
