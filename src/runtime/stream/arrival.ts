import { CodedError } from "../../base/errors.ts";
import type { Source } from "../../source/source.ts";

/** How long a stream may be stalled before that is an error. */
export const stallPatienceMs = 30_000;

const lookMs = 500;
/** A stream with a long backlog arrives later than a caller should wait. */
const patienceMs = 10 * 60_000;

/**
 * Waits for something that the stream has to reach. Throws `CodedError` SOURCE_STALLED, with the cause, if the stream
 * does not advance or takes too long.
 */
export async function untilArrived<T>(
  source: Pick<Source, "reach">,
  wait: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const impatience = new AbortController();
  const endMs = performance.now() + patienceMs;
  const timer = setInterval(() => {
    const { stall } = source.reach();
    if (stall !== undefined && Date.now() - stall.sinceMs >= stallPatienceMs)
      impatience.abort(new CodedError("SOURCE_STALLED", stall.cause));
    else if (performance.now() >= endMs) impatience.abort(tooLate());
  }, lookMs);
  try {
    return await wait(AbortSignal.any([signal, impatience.signal]));
  } finally {
    clearInterval(timer);
  }
}

function tooLate(): CodedError {
  const minutes = patienceMs / 60_000;
  return new CodedError(
    "SOURCE_STALLED",
    `The stream has not arrived at the position of the comparison within ${minutes} minutes: it is far ` +
      "behind the source. Compare again when `zeroetl status` shows a small lag.",
  );
}
