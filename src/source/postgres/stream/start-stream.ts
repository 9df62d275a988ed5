import { Deadline } from "../../../base/deadline.ts";
import { CodedError } from "../../../base/errors.ts";
import { int32At, uint8At } from "../../../wire/postgres/bytes.ts";
import {
  backend,
  BackendSocket,
  readServerError,
  streamLimits,
  type Region,
} from "../connection/backend-socket.ts";
import { RegionPool } from "../connection/region-pool.ts";
import type { Session } from "../connection/session.ts";
import { sourceError } from "../connection/source-error.ts";

const startDeadlineMs = 60_000;

export interface StartedStream {
  readonly socket: BackendSocket;
  readonly regions: RegionPool;
  /** The data that the server sent with its confirmation, which may already include changes. */
  readonly first: Region;
}

/** Sends `START_REPLICATION` and waits for the confirmation. From then on, the session belongs to the stream. */
export async function startStream(
  walsender: Session,
  sql: string,
  signal: AbortSignal,
): Promise<StartedStream> {
  const regions = new RegionPool(streamLimits.regionBytesMax);
  const socket = new BackendSocket(walsender.takeSocket().socket, streamLimits, regions);
  socket.query(sql);
  using deadline = new Deadline(startDeadlineMs, signal);
  try {
    const first = await socket.read(deadline.signal);
    for (let at = 0; at < first.length; at += 1 + int32At(first, at + 1))
      if (uint8At(first, at) === backend.error) throw readServerError(first, at);
    return { socket, regions, first };
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    if (deadline.isPast)
      throw new CodedError("SOURCE_UNREACHABLE", "The source did not begin to stream within a minute.", {
        cause: error,
      });
    throw sourceError(walsender.failure(error), {
      "55000": "SLOT_LOST",
      "58P01": "SLOT_LOST",
      "42704": "SLOT_LOST",
    });
  }
}
