import { Socket, type ConnectOpts, type SocketConstructorOpts } from "node:net";

/** A reader of a socket without a stream in between. */
export interface DirectReader {
  /** Where the next bytes go. The socket holds on to it until they have arrived. */
  readonly space: () => Uint8Array;
  /** They are where `space` said the last time or earlier; valid until this returns. */
  readonly received: (bytes: Uint8Array) => void;
}

const streamBytes = 1 << 16;

/**
 * A TCP socket whose bytes the kernel can write directly to their destination: a stream allocates 64 kB for each read,
 * which keeps the garbage collector busy at hundreds of megabytes a second. Without a reader it behaves as an ordinary
 * stream.
 */
export class DirectSocket extends Socket {
  #reader: DirectReader | undefined;
  readonly #streamSpace: Uint8Array;

  constructor() {
    const onread: ConnectOpts["onread"] = {
      buffer: () => this.#reader?.space() ?? this.#streamSpace,
      callback: (count, space) => this.#received(space.subarray(0, count)),
    };
    // An option of `net.connect` that the constructor also accepts.
    super({ onread } as SocketConstructorOpts);
    this.#streamSpace = new Uint8Array(streamBytes);
  }

  /** From now on bytes go to the reader, or, without one, to the stream again. Call it while no data is in transit. */
  readTo(reader: DirectReader | undefined): void {
    this.#reader = reader;
  }

  #received(bytes: Uint8Array): boolean {
    if (this.#reader === undefined) return this.push(Buffer.from(bytes));
    this.#reader.received(bytes);
    return true;
  }
}
