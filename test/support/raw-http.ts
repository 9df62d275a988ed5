import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface RawAnswer {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

const patienceMs = 20_000;

/** A connection on which requests are written byte by byte as a test wants them, HTTP or not. */
export class RawConnection implements Disposable {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #isEnded = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    // A server that has heard enough hangs up; what it said before counts.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#isEnded = true;
      this.#wake();
    });
    socket.on("end", () => {
      this.#isEnded = true;
      this.#wake();
    });
  }

  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
    await once(socket, "connect");
    return new RawConnection(socket);
  }

  /** Whether another request can be sent: nothing is left over from the ones before. */
  get isUsable(): boolean {
    return !this.#isEnded && this.#received.length === 0;
  }

  /**
   * Sends the bytes and gives the answer; undefined where the server hangs up without one. `isLast`: says that nothing
   * more will come. `isHead`: the answer has no body, whatever its headers say.
   */
  async exchange(
    bytes: Uint8Array,
    { isLast = false, isHead = false }: { readonly isLast?: boolean; readonly isHead?: boolean } = {},
  ): Promise<RawAnswer | undefined> {
    if (isLast) this.#socket.end(bytes);
    else this.#socket.write(bytes);
    const timer = setTimeout(() => this.#socket.destroy(), patienceMs);
    try {
      for (;;) {
        const answer = this.#take(isHead);
        // An interim answer is not the answer.
        if (answer !== undefined && answer.status >= 200) return answer;
        if (answer !== undefined) continue;
        if (this.#isEnded) return undefined;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** The first answer of what has come, if it has come as a whole. */
  #take(isHead: boolean): RawAnswer | undefined {
    const parsed = parseAnswer(this.#received, { isHead, isEnded: this.#isEnded });
    if (parsed === undefined) return undefined;
    this.#received = this.#received.subarray(parsed.length);
    if (parsed.answer.headers.get("connection") === "close") this.#isEnded = true;
    return parsed.answer;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

interface Parsed {
  readonly answer: RawAnswer;
  /** In bytes. */
  readonly length: number;
}

/** The first answer; undefined while it is not there as a whole. */
function parseAnswer(
  bytes: Buffer,
  { isHead, isEnded }: { readonly isHead: boolean; readonly isEnded: boolean },
): Parsed | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new Error(`not an answer: ${first.slice(0, 100)}`);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const start = end + 4;
  if (isHead || status < 200 || status === 204)
    return { answer: { status, headers, body: "" }, length: start };
  const body = bodyOf(bytes, { start, headers, isEnded });
  return body && { answer: { status, headers, body: body.text }, length: body.end };
}

function bodyOf(
  bytes: Buffer,
  at: { readonly start: number; readonly headers: ReadonlyMap<string, string>; readonly isEnded: boolean },
): { readonly text: string; readonly end: number } | undefined {
  const { start, headers, isEnded } = at;
  if (headers.get("transfer-encoding") === "chunked") return chunks(bytes, start);
  const length = headers.get("content-length");
  if (length === undefined && !isEnded) return undefined;
  const end = length === undefined ? bytes.length : start + Number(length);
  return bytes.length < end ? undefined : { text: bytes.toString("utf8", start, end), end };
}

function chunks(bytes: Buffer, start: number): { readonly text: string; readonly end: number } | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ;) {
    const line = bytes.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const length = Number.parseInt(bytes.toString("latin1", at, line), 16);
    const next = line + 2 + length + 2;
    if (bytes.length < next) return undefined;
    if (length === 0) return { text: Buffer.concat(parts).toString(), end: next };
    parts.push(bytes.subarray(line + 2, line + 2 + length));
    at = next;
  }
}
