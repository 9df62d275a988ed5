import type { Reach } from "../../source.ts";
import type { Lsn } from "./lsn.ts";

/** A stream that has not advanced for this long although the source's log has grown is stalled. */
export const stallAfterMs = 5_000;

interface Question {
  readonly askedAtMs: number;
  /** The end of the source's log; undefined until the source has answered. */
  logEnd: Lsn | undefined;
}

/** What changes while a stream advances. */
export interface Progress {
  readonly position: Lsn;
  /** Messages of transactions received, including those of one in progress. */
  readonly received: number;
}

/**
 * Compares the stream with the end of the source's log, which is requested over an ordinary connection. Once the stream
 * has passed that position, everything that was committed before the request has been read. Times are ms since 1970 on
 * this machine's clock.
 */
export class Headway {
  #progress: Progress;
  #completeAtMs: number | undefined;
  #question: Question | undefined;
  /** Since when the reader has been waiting without any progress; undefined while it is busy. */
  #waitingSinceMs: number | undefined;
  #stoppedWaiting: { readonly sinceMs: number; readonly atMs: number } | undefined;
  #cause: string | undefined;

  constructor(position: Lsn) {
    this.#progress = { position, received: 0 };
  }

  /** The source is about to be asked for the end of its log. An open request stays. */
  ask(nowMs: number): void {
    this.#question ??= { askedAtMs: nowMs, logEnd: undefined };
  }

  /** Whether the stream has yet to reach that position. */
  answer(logEnd: Lsn): boolean {
    if (this.#question === undefined) return false;
    this.#question.logEnd ??= logEnd;
    this.#completeIfReached();
    return this.#question !== undefined;
  }

  /** Everything up to `progress` has been yielded, and the reader waits for the source. */
  wait(progress: Progress, nowMs: number): void {
    const before = this.#stoppedWaiting;
    const isAdvanced =
      progress.position !== this.#progress.position || progress.received !== this.#progress.received;
    // A reader that only handled a keepalive for a moment has been waiting all the time.
    const isSameWait = before !== undefined && !isAdvanced && nowMs - before.atMs < stallAfterMs;
    this.#waitingSinceMs = isSameWait ? before.sinceMs : nowMs;
    this.#progress = progress;
    if (isAdvanced) this.#cause = undefined;
    this.#completeIfReached();
  }

  /** Something has arrived. */
  resume(nowMs: number): void {
    if (this.#waitingSinceMs === undefined) return;
    this.#stoppedWaiting = { sinceMs: this.#waitingSinceMs, atMs: nowMs };
    this.#waitingSinceMs = undefined;
  }

  /** Records why the stream does not advance, according to the source. */
  explain(cause: string): void {
    this.#cause = cause;
  }

  /** `isReceiving`: a part of a message has just arrived. */
  reach(nowMs: number, isReceiving: boolean): Reach {
    const waitingSinceMs = this.#question?.askedAtMs;
    const sinceMs = Math.max(this.#waitingSinceMs ?? nowMs, waitingSinceMs ?? nowMs);
    const isStalled = !isReceiving && nowMs - sinceMs >= stallAfterMs;
    const stall = isStalled ? { sinceMs, cause: this.#cause ?? this.#apparentCause() } : undefined;
    return { completeAtMs: this.#completeAtMs, waitingSinceMs, stall };
  }

  #completeIfReached(): void {
    const { logEnd, askedAtMs } = this.#question ?? {};
    if (logEnd === undefined || this.#progress.position < logEnd) return;
    this.#completeAtMs = askedAtMs;
    this.#question = undefined;
  }

  #apparentCause(): string {
    return this.#question?.logEnd === undefined
      ? "The source does not answer when it is asked for the end of its WAL."
      : "The source sends nothing.";
  }
}
