import type { Cut } from "../../model/replication/block.ts";
import type { Delta } from "../../model/replication/delta.ts";
import type { Reach } from "../../source/source.ts";

type Applied = Pick<Delta, "transactions" | "checkpoint">;

/**
 * How far the warehouse is behind what the source has committed.
 *
 * What was read and is not applied tells by its commit times. Whether there is more at the source, which has not been read,
 * is known from the source's answers alone (`Reach`): without one, the time that is known to be complete is all that is
 * known. Commit times are of the source's clock; where that is ahead, the lag is zero.
 */
export class Lag {
  /** Transactions. */
  #read = 0;
  #applied = 0;
  #newestReadMs: number | undefined;
  #newestAppliedMs: number | undefined;
  /** Commit time of the oldest transaction that was read and is not applied. */
  #oldestUnappliedMs: number | undefined;
  /** Of the commit that was applied last. */
  #lastLagMs = 0;
  #lastAppliedAtMs = 0;
  /** Everything that the source had committed by then has been applied. */
  #completeAtMs: number | undefined;
  /** Will be complete as soon as so many transactions have been applied. */
  #expected: { readonly completeAtMs: number; readonly read: number } | undefined;
  #reach: Reach | undefined;

  /** Call it before `reach` says that these have been read. */
  read(cuts: readonly Cut[]): void {
    for (const { committedAtMs, transactions } of cuts) {
      if (transactions === 0) continue;
      this.#read += transactions;
      this.#newestReadMs = committedAtMs;
      this.#oldestUnappliedMs ??= committedAtMs;
    }
  }

  applied({ transactions, checkpoint }: Applied, nowMs: number): void {
    if (checkpoint !== undefined && transactions > 0) {
      const { committedAtMs } = checkpoint;
      this.#applied += transactions;
      this.#newestAppliedMs = committedAtMs;
      this.#lastLagMs = Math.max(0, nowMs - committedAtMs);
      this.#lastAppliedAtMs = nowMs;
      // Commits are applied in the order in which the source made them.
      this.#oldestUnappliedMs = this.#applied < this.#read ? committedAtMs : undefined;
      this.#complete(committedAtMs);
    }
    if (this.#expected === undefined || this.#applied < this.#expected.read) return;
    this.#complete(this.#expected.completeAtMs);
    this.#expected = undefined;
  }

  /** How far the stream has come that is connected now; undefined while none is. */
  reach(reach: Reach | undefined): void {
    if (reach === undefined) {
      // What was read and not applied is read again by the next stream.
      this.#read = this.#applied;
      this.#oldestUnappliedMs = undefined;
      this.#expected = undefined;
    }
    this.#reach = reach;
    const { completeAtMs } = reach ?? {};
    if (completeAtMs === undefined) return;
    if (this.#applied === this.#read) this.#complete(completeAtMs);
    else this.#expected ??= { completeAtMs, read: this.#read };
  }

  /** Commit times of the newest transactions that were read and applied, ms since 1970; undefined until there is one. */
  newest(): { readonly readMs: number | undefined; readonly appliedMs: number | undefined } {
    return { readMs: this.#newestReadMs, appliedMs: this.#newestAppliedMs };
  }

  /**
   * 0, or the lag of the newest commit, once everything that was committed has been applied. Else the time since when
   * something has been waiting, or may have been, as far as that is known. Undefined where nothing is known.
   */
  seconds(nowMs: number): number | undefined {
    const sinceMs = this.#behindSinceMs();
    if (sinceMs === "unknown") return undefined;
    if (sinceMs !== undefined) return Math.max(0, nowMs - sinceMs) / 1000;
    return (this.#completeAtMs ?? 0) > this.#lastAppliedAtMs ? 0 : this.#lastLagMs / 1000;
  }

  /** Undefined while nothing is known to wait. */
  #behindSinceMs(): number | undefined | "unknown" {
    if (this.#oldestUnappliedMs !== undefined) return this.#oldestUnappliedMs;
    // A stream that has just connected does not know yet what was committed meanwhile.
    if (this.#reach?.completeAtMs === undefined) return this.#completeAtMs ?? "unknown";
    return this.#reach.waitingSinceMs;
  }

  #complete(atMs: number): void {
    this.#completeAtMs = Math.max(this.#completeAtMs ?? 0, atMs);
  }
}
