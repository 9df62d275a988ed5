import type { Duplex } from "node:stream";
import pg from "pg";
import { Condition } from "../../../base/condition.ts";
import { assert } from "../../../base/assert.ts";
import { pause } from "../../../base/backoff.ts";
import { int32At, putInt32, uint8At, WireError } from "../../../wire/postgres/bytes.ts";
import { DirectSocket } from "./direct-socket.ts";
import { RegionPool } from "./region-pool.ts";
import { ConnectionLost } from "./source-error.ts";

/** Kinds of messages that a backend sends: PostgreSQL documentation, "Message Formats". */
export const backend = {
  copyData: 0x64 /* d */,
  copyDone: 0x63 /* c */,
  copyOut: 0x48 /* H */,
  copyBoth: 0x57 /* W */,
  commandComplete: 0x43 /* C */,
  error: 0x45 /* E */,
  notice: 0x4e /* N */,
  parameterStatus: 0x53 /* S */,
  readyForQuery: 0x5a /* Z */,
} as const;

const frontend = { query: 0x51 /* Q */, copyData: 0x64 /* d */ } as const;

/** Kind and int32 length of a message; the length counts itself. */
export const headerBytes = 5;

/** Whole messages, from 0 to the end of the bytes. Owns its memory until it is returned to the pool. */
export type Region = Uint8Array;

export interface ReadLimits {
  /** A region grows beyond this only for a single message that is larger. */
  readonly regionBytesMax: number;
  /** How long to let the kernel's buffer fill between two reads while data arrives faster than `gatherBytesPerMs`. */
  readonly gatherMs: number;
  readonly gatherBytesPerMs: number;
}

/**
 * Under backlog, a reader that accepts data as it arrives wakes the server's sender for each row; one that waits until
 * there is plenty is several times as fast. Data slower than 4 MB/s is read immediately.
 */
export const streamLimits: ReadLimits = { regionBytesMax: 2 << 20, gatherMs: 25, gatherBytesPerMs: 4000 };
/** A copy is always a backlog. */
export const copyLimits: ReadLimits = { regionBytesMax: 1 << 20, gatherMs: 5, gatherBytesPerMs: 0 };

/** Messages larger than PostgreSQL's own limit are not valid. */
const messageBytesMax = 0x4000_0000;
const rateWindowMs = 20;

/** For bytes that are copied immediately, so all connections share it. */
const passingSpace = new Uint8Array(1 << 14);

/**
 * The backend's side of a connection as large regions of whole messages. The socket is read only while `read` waits: a
 * slow caller stops the server.
 */
export class BackendSocket implements Disposable {
  readonly #socket: Duplex;
  readonly #limits: ReadLimits;
  readonly #pool: RegionPool;
  /** The bytes that have arrived and have not been returned yet are the first `#buffered` of these. */
  #space: Uint8Array;
  #buffered = 0;
  /** Bytes that a read needs before it can return a whole message. */
  #needed = headerBytes;
  #failure: Error | undefined;
  readonly #arrival = new Condition();
  #isWaking = false;
  #bytesRead = 0;
  #lastReadMs = 0;
  #lastSignMs = 0;
  #window = { startMs: 0, bytes: 0 };
  #isGathering: boolean;
  readonly #onClose = () => this.#onFailure(new ConnectionLost("it ended unexpectedly"));
  readonly #onError = (error: Error) => this.#onFailure(error);
  readonly #onBytes = (bytes: Uint8Array) => this.#onData(bytes);

  /** `pool`: where regions come from, and to which they may be returned after use. */
  constructor(socket: Duplex, limits: ReadLimits, pool = new RegionPool(limits.regionBytesMax)) {
    this.#socket = socket;
    this.#limits = limits;
    this.#pool = pool;
    this.#space = pool.first(socket);
    this.#isGathering = limits.gatherBytesPerMs === 0;
    // Data that goes through a stream, as with TLS, is copied.
    socket.on("data", this.#onBytes);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
    socket.pause();
    // It was closed while another reader had it, and the event is emitted only once.
    if (socket.destroyed) this.#onClose();
    if (socket instanceof DirectSocket)
      socket.readTo({ space: () => this.#freeSpace(), received: this.#onBytes });
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** The next messages. One caller at a time. Throws the error that ended the connection, or the signal's reason. */
  async read(signal: AbortSignal): Promise<Region> {
    const waitMs = this.#isGathering ? this.#lastReadMs + this.#limits.gatherMs - performance.now() : 0;
    if (waitMs > 1 && this.#buffered < this.#needed) await pause(waitMs, signal);
    this.#lastSignMs = performance.now();
    try {
      while (this.#buffered < this.#needed) {
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#needed > this.#space.length) {
          await this.#makeRoomForMessage(signal);
          continue;
        }
        this.#socket.resume();
        await this.#arrival.wait(signal);
        this.#measureNeed();
      }
    } finally {
      this.#socket.pause();
    }
    return this.#take();
  }

  /** Ends the connection; current and future reads throw this error. */
  fail(error: Error): void {
    this.#onFailure(error);
    this.#socket.destroy();
  }

  /** How long `read` has been waiting without receiving anything; 0 while no one reads. */
  get silenceMs(): number {
    return this.#arrival.isAwaited ? performance.now() - this.#lastSignMs : 0;
  }

  /** Whether a message has arrived only in part. */
  get isWithinMessage(): boolean {
    return this.#buffered > 0;
  }

  /** Sends a statement or a replication command over the simple query protocol. */
  query(sql: string): void {
    const text = Buffer.from(`${sql}\0`);
    this.#socket.write(Buffer.concat([header(frontend.query, text.length), text]));
  }

  sendCopyData(payload: Uint8Array): void {
    if (this.#socket.writable)
      this.#socket.write(Buffer.concat([header(frontend.copyData, payload.length), payload]));
  }

  /** Closes immediately, without a Terminate message; a waiting `read` throws. */
  destroy(): void {
    this.#pool.giveLarge(this.#space);
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  /** Stops reading the socket, so that another reader can take over. Everything that arrived must have been read. */
  release(): void {
    assert(this.#buffered === 0, "a connection changes hands between two messages");
    if (this.#socket instanceof DirectSocket) this.#socket.readTo(undefined);
    this.#socket.off("data", this.#onBytes);
    this.#socket.off("error", this.#onError);
    this.#socket.off("close", this.#onClose);
    this.#pool.leave(this.#socket, this.#space);
  }

  /** Once the space is full, reading stops until the bytes are taken: the next bytes to arrive are copied. */
  #freeSpace(): Uint8Array {
    const isFull = this.#buffered === this.#space.length;
    const space = isFull ? passingSpace : this.#space.subarray(this.#buffered);
    this.#pool.lend(this.#socket, space);
    return space;
  }

  /** Regions that were returned do not change: their bytes are never in a space that is still written to. */
  #makeRoom(bytes: number): void {
    if (this.#buffered + bytes <= this.#space.length) return;
    const larger = this.#pool.take(Math.max(this.#buffered + bytes, this.#space.length * 2));
    larger.set(this.#space.subarray(0, this.#buffered));
    this.#space = larger;
  }

  #onData(bytes: Uint8Array): void {
    const { buffer, byteOffset, length } = bytes;
    const isInPlace = buffer === this.#space.buffer && byteOffset === this.#space.byteOffset + this.#buffered;
    if (!isInPlace) {
      this.#makeRoom(length);
      this.#space.set(bytes, this.#buffered);
    }
    this.#buffered += length;
    this.#bytesRead += length;
    this.#lastSignMs = performance.now();
    if (this.#buffered >= Math.max(this.#limits.regionBytesMax, this.#needed)) this.#socket.pause();
    if (this.#isWaking) return;
    // After this turn of the event loop, in which everything that the kernel holds arrives.
    this.#isWaking = true;
    setImmediate(() => {
      this.#isWaking = false;
      this.#arrival.notify();
    });
  }

  #onFailure(error: Error): void {
    this.#failure ??= error;
    this.#arrival.notify();
  }

  /** Reads the length of the first message in the buffered bytes. */
  #measureNeed(): void {
    if (this.#needed !== headerBytes || this.#buffered < headerBytes) return;
    this.#needed = 1 + lengthAt(this.#space, 0);
  }

  async #makeRoomForMessage(signal: AbortSignal): Promise<void> {
    this.#socket.pause();
    await this.#pool.admit(this.#needed, signal);
    this.#makeRoom(this.#needed - this.#buffered);
  }

  #take(): Region {
    const bytes = this.#space;
    let end = 0;
    let needed = headerBytes;
    while (end + headerBytes <= this.#buffered) {
      needed = 1 + lengthAt(bytes, end);
      if (end + needed > this.#buffered) break;
      end += needed;
      needed = headerBytes;
    }
    this.#needed = needed;
    this.#measureRate(end);
    const rest = bytes.subarray(end, this.#buffered);
    this.#buffered = rest.length;
    // A region that is small relative to its space is copied out of it.
    if (end < bytes.length / 2 && bytes.length === this.#pool.bytes) {
      const region = bytes.slice(0, end);
      bytes.copyWithin(0, end, end + rest.length);
      return region;
    }
    // Space for a larger message is allocated when it is read.
    this.#space = this.#pool.take(rest.length);
    this.#space.set(rest);
    return bytes.subarray(0, end);
  }

  #measureRate(bytes: number): void {
    const nowMs = performance.now();
    this.#lastReadMs = nowMs;
    if (this.#limits.gatherBytesPerMs === 0) return;
    this.#window.bytes += bytes;
    const elapsedMs = nowMs - this.#window.startMs;
    if (elapsedMs < rateWindowMs) return;
    this.#isGathering = this.#window.bytes / elapsedMs > this.#limits.gatherBytesPerMs;
    this.#window = { startMs: nowMs, bytes: 0 };
  }
}

/** The length field of the message at `at`; it counts itself but not the kind. */
function lengthAt(bytes: Uint8Array, at: number): number {
  const length = int32At(bytes, at + 1);
  if (length < 4 || length > messageBytesMax)
    throw new WireError(`a message of the server has length ${length}`);
  return length;
}

function header(kind: number, payloadBytes: number): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes[0] = kind;
  putInt32(bytes, 1, 4 + payloadBytes);
  return bytes;
}

/** The contents of an ErrorResponse at `at`, in the form of node-postgres errors. */
export function readServerError(region: Uint8Array, at: number): pg.DatabaseError {
  const end = at + 1 + int32At(region, at + 1);
  const fields = new Map<string, string>();
  const text = Buffer.from(region.buffer, region.byteOffset, region.byteLength);
  for (let field = at + headerBytes; field < end && uint8At(region, field) !== 0;) {
    const zero = region.indexOf(0, field + 1);
    fields.set(String.fromCharCode(uint8At(region, field)), text.toString("utf8", field + 1, zero));
    field = zero + 1;
  }
  const error = new pg.DatabaseError(fields.get("M") ?? "unknown error", end - at, "error");
  error.code = fields.get("C");
  error.severity = fields.get("S");
  return error;
}
