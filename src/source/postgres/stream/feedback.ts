import { CodedError } from "../../../base/errors.ts";
import { standbyStatus } from "../../../wire/postgres/pgoutput/stream.ts";
import type { BackendSocket } from "../connection/backend-socket.ts";
import type { Lsn } from "./lsn.ts";

export interface FeedbackLimits {
  /** Between two reports, while nothing happens. */
  readonly intervalMs: number;
  /** The server is asked for a sign of life after this long without one, and given up after `lostMs`. */
  readonly quietMs: number;
  readonly lostMs: number;
}

export const feedbackLimits: FeedbackLimits = { intervalMs: 2_500, quietMs: 10_000, lostMs: 45_000 };

/** What a server that has said nothing for so long calls for. */
export function onSilence(silenceMs: number, limits: FeedbackLimits): "wait" | "ask" | "give up" {
  if (silenceMs >= limits.lostMs) return "give up";
  return silenceMs >= limits.quietMs ? "ask" : "wait";
}

/**
 * InvalidXLogRecPtr. A walsender whose client reports no flush position is not a synchronous standby, whatever
 * `synchronous_standby_names` says; its slot keeps the position that was reported before.
 */
const noFlush: Lsn = 0n;

/** Confirmations closer together than this are sent as one. */
const confirmEveryMs = 100;

/**
 * Tells the server how far the target is, by a timer of its own: a reader that is busy for longer than the server's
 * `wal_sender_timeout`, or has questions of the server unread in the socket, does not lose its connection.
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

  /** Asks the server for a keepalive, which says how far the stream is. */
  ask(): void {
    this.#send(true);
  }

  /** Reports at once, as the server asked for. */
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
   * The server may forget WAL up to what is reported as flushed, so that reporting what was merely received would lose
   * rows when the target crashes.
   */
  #report(flushed: Lsn, replyRequested: boolean): void {
    const [written, applied] = [this.#confirmed, this.#confirmed];
    this.#socket.sendCopyData(
      standbyStatus({ written, flushed, applied, nowMs: Date.now(), replyRequested }),
    );
  }
}
