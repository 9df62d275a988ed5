import { WireError, int32At, uint16At, uint8At } from "../../../wire/postgres/bytes.ts";
import {
  backend,
  BackendSocket,
  copyLimits,
  headerBytes,
  readServerError,
  type Region,
} from "../connection/backend-socket.ts";
import { RegionPool } from "../connection/region-pool.ts";
import type { Session } from "../connection/session.ts";

/** Rows of a binary COPY within one region: offsets of `copyTuple`. */
export interface CopiedRows {
  readonly region: Region;
  readonly offsets: Int32Array;
  /** The region is no longer needed. */
  readonly release: () => void;
}

/**
 * Runs a `COPY … TO STDOUT (FORMAT binary)` and yields its rows, region by region. Afterwards, the caller can use the
 * session again, unless the signal was aborted. Throws the server's error unchanged.
 */
export async function* copyRows(
  { session, pool = copyRegions() }: { readonly session: Session; readonly pool?: RegionPool },
  sql: string,
  signal: AbortSignal,
): AsyncGenerator<CopiedRows> {
  const { socket, giveBack } = session.takeSocket();
  const connection = new BackendSocket(socket, copyLimits, pool);
  const scan = new CopyScan();
  let isReady = false;
  try {
    connection.query(sql);
    while (!scan.isReady) {
      const region = await connection.read(signal);
      const offsets = scan.rows(region);
      if (offsets.length > 0) yield { region, offsets, release: () => pool.give(region) };
      else pool.giveLarge(region);
    }
    isReady = true;
  } catch (error) {
    throw session.failure(error);
  } finally {
    // If the caller leaves early, or the socket fails, the connection is closed, since the remaining rows are not read.
    if (isReady) {
      connection.release();
      giveBack();
    } else connection.destroy();
  }
  if (scan.failure !== undefined) throw session.failure(scan.failure);
}

/** Regions for copies that run in parallel. */
export function copyRegions(): RegionPool {
  return new RegionPool(copyLimits.regionBytesMax);
}

/** `PGCOPY\n\377\r\n\0`, flags and the length of an extension: PostgreSQL documentation, "COPY", "File Header". */
const signatureBytes = 11;
const fileHeaderBytes = signatureBytes + 8;
const trailer = 0xffff;
/** Grows as regions require: a small table has few rows. */
const firstScratchRows = 256;

/** Finds the rows in the messages of one COPY. */
class CopyScan {
  failure: Error | undefined;
  isReady = false;
  #hasHeader = false;
  #offsets = new Int32Array(firstScratchRows);
  #count = 0;

  rows(region: Region): Int32Array {
    this.#count = 0;
    let at = 0;
    while (at < region.length) {
      const kind = uint8At(region, at);
      if (kind === backend.copyData) this.#row(region, at + headerBytes);
      else this.#other(region, at, kind);
      at += 1 + int32At(region, at + 1);
    }
    return this.#offsets.slice(0, this.#count);
  }

  /** A message contains one row; the first one begins with the file's header, and the last one may be its trailer. */
  #row(region: Region, start: number): void {
    let at = start;
    if (!this.#hasHeader) {
      this.#hasHeader = true;
      at += fileHeaderBytes + int32At(region, at + fileHeaderBytes - 4);
    }
    if (uint16At(region, at) === trailer) return;
    if (this.#count === this.#offsets.length) {
      const larger = new Int32Array(this.#count * 2);
      larger.set(this.#offsets);
      this.#offsets = larger;
    }
    this.#offsets[this.#count] = at;
    this.#count += 1;
  }

  #other(region: Region, at: number, kind: number): void {
    switch (kind) {
      case backend.error:
        this.failure ??= readServerError(region, at);
        return;
      case backend.readyForQuery:
        this.isReady = true;
        return;
      case backend.copyOut:
      case backend.copyDone:
      case backend.commandComplete:
      case backend.notice:
      case backend.parameterStatus:
        return;
      default:
        throw new WireError(`a COPY sent an unknown message ${kind}`);
    }
  }
}
