import type { Cut } from "../model/block.ts";

/**
 * How far the warehouse is behind, from the commit times of what was read and what was applied. Both are times of the
 * source's clock; a source whose clock is ahead shows a lag of zero.
 */
export class Lag {
  #readCommittedAtMs = 0;
  #appliedCommittedAtMs = 0;
  #lastLagMs: number | undefined;
  /** Commit time of the oldest transaction that was read and is not applied, as far as known. */
  #oldestWaitingMs: number | undefined;

  read(cuts: readonly Cut[]): void {
    const first = cuts.find((cut) => cut.committedAtMs > 0);
    if (first === undefined) return;
    this.#oldestWaitingMs ??= first.committedAtMs;
    this.#readCommittedAtMs = cuts.at(-1)?.committedAtMs || first.committedAtMs;
  }

  applied(committedAtMs: number, nowMs: number): void {
    if (committedAtMs > 0) {
      this.#appliedCommittedAtMs = committedAtMs;
      this.#lastLagMs = Math.max(0, nowMs - committedAtMs);
    } else if (this.#oldestWaitingMs === undefined) {
      this.#lastLagMs = 0;
    }
    this.#oldestWaitingMs =
      this.#appliedCommittedAtMs < this.#readCommittedAtMs ? this.#appliedCommittedAtMs : undefined;
  }

  /** Commit times of the newest transactions that were read and applied, ms since 1970; undefined until there is one. */
  newest(): { readonly readMs: number | undefined; readonly appliedMs: number | undefined } {
    return {
      readMs: this.#readCommittedAtMs || undefined,
      appliedMs: this.#appliedCommittedAtMs || undefined,
    };
  }

  /**
   * Seconds; undefined until something was applied. `connected`: whether the stream runs. While it does not, it is the
   * time since the newest commit that was applied, or not known if there was none: zero would be a guess.
   */
  seconds(nowMs: number, connected: boolean): number | undefined {
    if (!connected && this.#appliedCommittedAtMs === 0) return undefined;
    const behindSinceMs = connected ? this.#oldestWaitingMs : this.#appliedCommittedAtMs;
    const lagMs = behindSinceMs === undefined ? this.#lastLagMs : Math.max(0, nowMs - behindSinceMs);
    return lagMs === undefined ? undefined : lagMs / 1000;
  }
}
