import { Session, type ConnectRequest } from "../connection/session.ts";
import type { OnWait } from "../catalog/wait-report.ts";
import { formatLsn, type Lsn } from "../stream/lsn.ts";
import { awaitFreeSlot, dropSlot, exportSnapshot, startReplicationSql } from "../stream/slot.ts";
import { startStream, type StartedStream } from "../stream/start-stream.ts";

export interface CopySlotRequest {
  readonly connect: ConnectRequest;
  readonly slot: string;
  /** An ordinary session. */
  readonly control: Session;
}

/** The slot that retains the log for copies. It outlives the process, so that a restart can continue the copies. */
export class CopySlot implements AsyncDisposable {
  /** Where the retained log begins. */
  readonly lsn: Lsn;
  /** For `SET TRANSACTION SNAPSHOT` in other sessions until `stream`; only of a slot that was just created. */
  readonly snapshot: string | undefined;
  readonly #slot: string;
  readonly #walsender: Session;

  private constructor(walsender: Session, slot: string, from: Pick<CopySlot, "lsn" | "snapshot">) {
    this.#walsender = walsender;
    this.#slot = slot;
    this.lsn = from.lsn;
    this.snapshot = from.snapshot;
  }

  /** Replaces the slot, if it exists, and exports a snapshot. Waits for open transactions. */
  static async create(
    { connect, slot, control, onWait }: CopySlotRequest & { readonly onWait: OnWait },
    signal: AbortSignal,
  ): Promise<CopySlot> {
    await dropSlot(control, slot, signal);
    const request = { connect, slot, isTemporary: false, onWait };
    const { walsender, created } = await exportSnapshot(request, signal);
    return new CopySlot(walsender, slot, created);
  }

  /** Of an earlier process. `lsn`: not before what the slot retains. */
  static async reopen(
    { connect, slot, control, lsn }: CopySlotRequest & { readonly lsn: Lsn },
    signal: AbortSignal,
  ): Promise<CopySlot> {
    await awaitFreeSlot(control, slot, signal);
    const walsender = await Session.open({ ...connect, replication: true }, signal);
    return new CopySlot(walsender, slot, { lsn, snapshot: undefined });
  }

  /** Streams what was committed after `lsn`. Call it once. */
  stream(publication: string, signal: AbortSignal): Promise<StartedStream> {
    const sql = startReplicationSql(this.#slot, publication, formatLsn(this.lsn));
    return startStream(this.#walsender, sql, signal);
  }

  /** The slot remains. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#walsender[Symbol.asyncDispose]();
  }
}
