import { CodedError } from "../../../base/errors.ts";
import { standbyStatus } from "../../../wire/postgres/pgoutput/stream.ts";
import type { BackendSocket } from "../connection/backend-socket.ts";
import type { Lsn } from "./lsn.ts";

export interface FeedbackLimits {
  /** Interval between two reports while nothing happens. */
  readonly intervalMs: number;
  /** After this long without a message the server is asked for a reply; after `lostMs` the connection is abandoned. */
  readonly quietMs: number;
  readonly lostMs: number;
}

export const feedbackLimits: FeedbackLimits = { intervalMs: 2_500, quietMs: 10_000, lostMs: 45_000 };

/** The action to take when the server has been silent for this long. */
export function onSilence(silenceMs: number, limits: FeedbackLimits): "wait" | "ask" | "give up" {
  if (silenceMs >= limits.lostMs) return "give up";
  return silenceMs >= limits.quietMs ? "ask" : "wait";
}

/**
 * InvalidXLogRecPtr. A walsender whose client reports no flush position is not a synchronous standby, whatever
 * `synchronous_standby_names` says; its slot keeps the position that was reported before.
 */
const noFlush: Lsn = 0n;

/** Confirmations closer together than this are combined. */
const confirmEveryMs = 100;

/**
 * Reports the target's position to the server, on its own timer: a reader that is busy for longer than the server's
 * `wal_sender_timeout`, or has unread requests of the server in the socket, does not lose its connection.
 */
export class Feedback implements Disposable {
  readonly #socket: BackendSocket;
  readonly #limits: FeedbackLimits;
  readonly #timer: NodeJS.Timeout;
  #confirmed: Lsn;
  #reported: Lsn | undefined;
  #sentMs = 0;
  #later: NodeJS.Timeout | undefined;

  constructor(socket: BackendSocket, confirmed: Lsn, limits: FeedbackLimits) {
    this.#socket = socket;
    this.#confirmed = confirmed;
    this.#limits = limits;
    this.#timer = setInterval(() => this.#tick(), limits.intervalMs);
  }

  /** The target holds everything before `lsn` durably. */
  confirm(lsn: Lsn): void {
    if (lsn <= this.#confirmed) return;
    this.#confirmed = lsn;
    const waitMs = this.#sentMs + confirmEveryMs - performance.now();
    if (waitMs <= 0) this.#send(false);
    else this.#later ??= setTimeout(() => this.#send(false), waitMs);
  }

  /** Asks the server for a keepalive, which contains the stream's position. */
  ask(): void {
    this.#send(true);
  }

  /** Reports immediately, as the server requested. */
  reply(): void {
    this.#send(false);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    clearTimeout(this.#later);
  }

  #tick(): void {
    switch (onSilence(this.#socket.silenceMs, this.#limits)) {
      case "wait":
        this.#send(false);
        return;
      case "ask":
        this.#send(true);
        return;
      case "give up":
        this.#socket.fail(new CodedError("SOURCE_UNREACHABLE", "The source has not answered for too long."));
    }
  }

  #send(replyRequested: boolean): void {
    clearTimeout(this.#later);
    this.#later = undefined;
    this.#sentMs = performance.now();
    if (this.#confirmed !== this.#reported) this.#report(this.#confirmed, false);
    this.#reported = this.#confirmed;
    this.#report(noFlush, replyRequested);
  }

  /**
   * The server may remove WAL up to the position reported as flushed, so reporting what was merely received would lose
   * rows if the target crashes.
   */
  #report(flushed: Lsn, replyRequested: boolean): void {
    const [written, applied] = [this.#confirmed, this.#confirmed];
    this.#socket.sendCopyData(
      standbyStatus({ written, flushed, applied, nowMs: Date.now(), replyRequested }),
    );
  }
}
