import type { Cut } from "../../model/replication/block.ts";
import type { Delta } from "../../model/replication/delta.ts";
import type { Reach } from "../../source/source.ts";

type Applied = Pick<Delta, "transactions" | "checkpoint">;

/**
 * How far the warehouse is behind the commits of the source.
 *
 * For transactions that were read but not applied, the commit times are known. Whether the source has more, not yet
 * read, is known only from the source's answers (`Reach`): without an answer, only the time up to which everything is
 * complete is known. Commit times are on the source's clock; if it is ahead, the lag is zero.
 */
export class Lag {
  /** Transactions. */
  #read = 0;
  #applied = 0;
  #newestReadMs: number | undefined;
  #newestAppliedMs: number | undefined;
  /** Commit time of the oldest transaction that was read but not applied. */
  #oldestUnappliedMs: number | undefined;
  /** The lag of the last applied commit. */
  #lastLagMs = 0;
  #lastAppliedAtMs = 0;
  /** Everything that the source had committed by then has been applied. */
  #completeAtMs: number | undefined;
  /** Becomes complete as soon as this many transactions have been applied. */
  #expected: { readonly completeAtMs: number; readonly read: number } | undefined;
  #reach: Reach | undefined;

  /** Call it before `reach` reports that these have been read. */
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

  /** How far the currently connected stream has come; undefined while none is connected. */
  reach(reach: Reach | undefined): void {
    if (reach === undefined) {
      // What was read but not applied is read again by the next stream.
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

  /** Commit times of the newest transactions that were read and applied, ms since 1970; undefined until one exists. */
  newest(): { readonly readMs: number | undefined; readonly appliedMs: number | undefined } {
    return { readMs: this.#newestReadMs, appliedMs: this.#newestAppliedMs };
  }

  /**
   * 0, or the lag of the newest commit, once everything that was committed has been applied. Otherwise the time for
   * which something has been waiting, or may have been, as far as known. Undefined if nothing is known.
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
    // A stream that has just connected does not yet know what was committed in the meantime.
    if (this.#reach?.completeAtMs === undefined) return this.#completeAtMs ?? "unknown";
    return this.#reach.waitingSinceMs;
  }

  #complete(atMs: number): void {
    this.#completeAtMs = Math.max(this.#completeAtMs ?? 0, atMs);
  }
}
