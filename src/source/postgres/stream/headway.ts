import type { Reach } from "../../source.ts";
import type { Lsn } from "./lsn.ts";

/** A stream that has not advanced for so long although the source's log has grown is stalled. */
export const stallAfterMs = 5_000;

interface Question {
  readonly askedAtMs: number;
  /** The end of the source's log; undefined until the source has answered. */
  logEnd: Lsn | undefined;
}

/** What moves while a stream advances. */
export interface Progress {
  readonly position: Lsn;
  /** Messages of transactions that have come, of one in progress included. */
  readonly received: number;
}

/**
 * Compares the stream with the end of the source's log, for which the source is asked over an ordinary connection. Once
 * the stream has passed that place, everything that was committed before the question has been read. Times are ms since
 * 1970 on this machine's clock.
 */
export class Headway {
  #progress: Progress;
  #completeAtMs: number | undefined;
  #question: Question | undefined;
  /** Since when the reader has been waiting without any progress; undefined while it has something to do. */
  #waitingSinceMs: number | undefined;
  #stoppedWaiting: { readonly sinceMs: number; readonly atMs: number } | undefined;
  #cause: string | undefined;

  constructor(position: Lsn) {
    this.#progress = { position, received: 0 };
  }

  /** The source is about to be asked where its log ends. An open question stays. */
  ask(nowMs: number): void {
    this.#question ??= { askedAtMs: nowMs, logEnd: undefined };
  }

  /** Whether the stream has yet to arrive there. */
  answer(logEnd: Lsn): boolean {
    if (this.#question === undefined) return false;
    this.#question.logEnd ??= logEnd;
    return this.#progress.position < this.#question.logEnd;
  }

  /** Everything up to `progress` has been yielded, and the reader waits for the source. */
  wait(progress: Progress, nowMs: number): void {
    const before = this.#stoppedWaiting;
    const isAdvanced =
      progress.position !== this.#progress.position || progress.received !== this.#progress.received;
    // A reader that was busy for a moment with a sign of life has been waiting all the time.
    const isSameWait = before !== undefined && !isAdvanced && nowMs - before.atMs < stallAfterMs;
    this.#waitingSinceMs = isSameWait ? before.sinceMs : nowMs;
    this.#progress = progress;
    if (isAdvanced) this.#cause = undefined;
    const { logEnd, askedAtMs } = this.#question ?? {};
    if (logEnd === undefined || progress.position < logEnd) return;
    this.#completeAtMs = askedAtMs;
    this.#question = undefined;
  }

  /** Something has come. */
  resume(nowMs: number): void {
    if (this.#waitingSinceMs === undefined) return;
    this.#stoppedWaiting = { sinceMs: this.#waitingSinceMs, atMs: nowMs };
    this.#waitingSinceMs = undefined;
  }

  /** Why the stream does not advance, as the source says. */
  explain(cause: string): void {
    this.#cause = cause;
  }

  /** `isReceiving`: a part of a message has come a moment ago. */
  reach(nowMs: number, isReceiving: boolean): Reach {
    const waitingSinceMs = this.#question?.askedAtMs;
    const sinceMs = Math.max(this.#waitingSinceMs ?? nowMs, waitingSinceMs ?? nowMs);
    const isStalled = !isReceiving && nowMs - sinceMs >= stallAfterMs;
    const stall = isStalled ? { sinceMs, cause: this.#cause ?? this.#apparentCause() } : undefined;
    return { completeAtMs: this.#completeAtMs, waitingSinceMs, stall };
  }

  #apparentCause(): string {
    return this.#question?.logEnd === undefined
      ? "The source does not answer when it is asked for the end of its WAL."
      : "The source sends nothing.";
  }
}
