import { CodedError } from "../base/errors.ts";

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const durationForm = /^([1-9]\d{0,8})([smhd])$/;
const timeForm = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/**
 * The time that `--since` specifies: that long before `now`, or an ISO 8601 time, which is local if it has no zone. Not
 * before 1970. Throws `CodedError` USAGE for anything else, and for a time in the future.
 */
export function sinceOf(text: string, now: Date): Date {
  const time = timeOf(text, now.getTime());
  if (Number.isNaN(time))
    throw new CodedError(
      "USAGE",
      `--since ${JSON.stringify(text.slice(0, 40))} is neither a duration, such as 30m, 24h or 7d, ` +
        "nor a time, such as 2026-01-31 or 2026-01-31T09:30Z.",
    );
  if (time > now.getTime())
    throw new CodedError("USAGE", `--since ${text} is in the future; it must be a time that has passed.`);
  return new Date(Math.max(0, time));
}

/** Milliseconds since 1970; NaN if the text is not a time. */
function timeOf(text: string, nowMs: number): number {
  const [, count, unit] = durationForm.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * unitMs[unit as keyof typeof unitMs];
  if (!timeForm.test(text)) return Number.NaN;
  // A date alone would be taken as UTC.
  return Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(" ", "T"));
}
