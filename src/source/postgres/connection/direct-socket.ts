import { Socket, type ConnectOpts, type SocketConstructorOpts } from "node:net";

/** Who reads a socket without a stream in between. */
export interface DirectReader {
  /** Where the bytes that come next are to go. The socket holds on to it until they have come. */
  readonly space: () => Uint8Array;
  /** They are where `space` said the last time or some time before; valid until this returns. */
  readonly received: (bytes: Uint8Array) => void;
}

const streamBytes = 1 << 16;

/**
 * A TCP socket whose bytes can be read by the kernel straight into their place: a stream allocates 64 kB for each
 * read, and at hundreds of megabytes a second it is the garbage collector that is busy then. Without a reader it is the
 * stream that it always was.
 */
export class DirectSocket extends Socket {
  #reader: DirectReader | undefined;
  readonly #streamSpace: Uint8Array;

  constructor() {
    const onread: ConnectOpts["onread"] = {
      buffer: () => this.#reader?.space() ?? this.#streamSpace,
      callback: (count, space) => this.#received(space.subarray(0, count)),
    };
    // An option of `net.connect` that is the constructor's, too.
    super({ onread } as SocketConstructorOpts);
    this.#streamSpace = new Uint8Array(streamBytes);
  }

  /** From now on bytes go to the reader, or, without one, to the stream again. Call it while nothing is under way. */
  readTo(reader: DirectReader | undefined): void {
    this.#reader = reader;
  }

  #received(bytes: Uint8Array): boolean {
    if (this.#reader === undefined) return this.push(Buffer.from(bytes));
    this.#reader.received(bytes);
    return true;
  }
}
