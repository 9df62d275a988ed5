import { deferred, unlessAborted } from "../../../base/deferred.ts";
import type { TableReading } from "../../../model/replication/digest.ts";
import { Deadline } from "../../../base/deadline.ts";
import { CodedError } from "../../../base/errors.ts";
import type { Position } from "../../../model/replication/position.ts";
import type { TableDefinition } from "../../../model/replication/relation.ts";
import type { Standstill } from "../../source.ts";
import type { Lsn } from "../stream/lsn.ts";
import { Session, type ConnectRequest } from "../connection/session.ts";
import { ExportedSnapshot } from "../stream/slot.ts";
import { SnapshotDigests } from "./table-digest.ts";
import { beginSnapshot } from "../copy/snapshot-copy.ts";

/** How long the stream may wait for a snapshot, which open transactions at the source delay. */
const snapshotDeadlineMs = 30_000;

/**
 * Where a standstill and the reader of the stream meet.
 *
 * ```
 * requested ─ reader at a boundary ─▶ paused ─ snapshot taken ─▶ running to its LSN ─ reached ─▶ waiting ─▶ released
 * ```
 */
export class Gate {
  readonly #paused = deferred();
  readonly #target = deferred();
  readonly #reached = deferred();
  readonly #released = deferred();
  #state: "requested" | "paused" | "running" | "waiting" | "released" = "requested";
  #lsn: Lsn | undefined;

  /** Where the reader has to stop: at its next boundary, at an LSN, or (undefined) nowhere any longer. */
  get boundary(): Lsn | undefined {
    if (this.#state === "requested") return 0n;
    return this.#state === "running" ? this.#lsn : undefined;
  }

  /** Whether the reader is no longer needed. */
  get isOver(): boolean {
    return this.#state === "released";
  }

  /** For the reader: pauses until it may continue. */
  async pause(signal: AbortSignal): Promise<void> {
    if (this.#state !== "requested") return;
    this.#state = "paused";
    this.#paused.resolve();
    await unlessAborted(this.#target.promise, signal);
  }

  /** For the reader: it has yielded the cut at the LSN, and pauses until the release. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.#state !== "running") return;
    this.#state = "waiting";
    this.#reached.resolve();
    await unlessAborted(this.#released.promise, signal);
  }

  /** For the reader: it has ended. */
  fail(error: unknown): void {
    this.#state = "released";
    this.#paused.reject(error);
    this.#reached.reject(error);
  }

  get paused(): Promise<void> {
    return this.#paused.promise;
  }

  runTo(lsn: Lsn): Promise<void> {
    if (this.#state === "paused") {
      this.#state = "running";
      this.#lsn = lsn;
      this.#target.resolve();
    }
    return this.#reached.promise;
  }

  release(): void {
    this.#state = "released";
    this.#target.resolve();
    this.#released.resolve();
  }
}

export interface StandstillParts {
  readonly connect: ConnectRequest;
  readonly publication: string;
  readonly gate: Gate;
  readonly positionOf: (lsn: Lsn) => Position;
  /** Asks the server for a reply, so that an idle stream reaches a boundary. */
  readonly ask: () => void;
}

async function snapshotInTime(connect: ConnectRequest, signal: AbortSignal): ReturnType<typeof takeSnapshot> {
  using deadline = new Deadline(snapshotDeadlineMs, signal);
  try {
    return await takeSnapshot(connect, deadline.signal);
  } catch (error) {
    signal.throwIfAborted();
    throw deadline.isPast ? tooBusy(error) : error;
  }
}

/** See `Source.standstill`. */
export async function standStill(parts: StandstillParts, signal: AbortSignal): Promise<Standstill> {
  const { connect, gate } = parts;
  try {
    parts.ask();
    await unlessAborted(gate.paused, signal);
    const { session, lsn } = await snapshotInTime(connect, signal);
    try {
      const reached = gate.runTo(lsn);
      parts.ask();
      await unlessAborted(reached, signal);
      return heldSnapshot(parts, session, lsn);
    } catch (error) {
      await session[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    gate.release();
    throw error;
  }
}

function tooBusy(cause: unknown): CodedError {
  return new CodedError(
    "SOURCE_UNREACHABLE",
    "A transaction that has been open at the source for long keeps a snapshot from being taken; try again.",
    { cause },
  );
}

async function takeSnapshot(
  connect: ConnectRequest,
  signal: AbortSignal,
): Promise<{ session: Session; lsn: Lsn }> {
  await using exported = await ExportedSnapshot.open(connect, signal);
  // Outlives the deadline of the snapshot; ended by the holder of the standstill.
  const session = await Session.open(connect, neverAborted);
  try {
    await beginSnapshot(session, exported.snapshot);
    return { session, lsn: exported.lsn };
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

const neverAborted = new AbortController().signal;

function heldSnapshot(
  { gate, positionOf, publication }: StandstillParts,
  session: Session,
  lsn: Lsn,
): Standstill {
  const digests = new SnapshotDigests({ session, publication });
  return {
    position: positionOf(lsn),
    release: () => gate.release(),
    digest: (table: TableDefinition, signal: AbortSignal): Promise<TableReading> =>
      digests.digest(table, signal),
    [Symbol.asyncDispose]: async () => {
      gate.release();
      await session[Symbol.asyncDispose]();
    },
  };
}
