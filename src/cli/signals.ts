import { constants } from "node:os";

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What has not stopped in order by then is ended: the next start goes on from what is durable. */
const stopDeadlineMs = 60_000;

/**
 * Runs a command under a signal that the first SIGINT, SIGTERM or SIGHUP aborts, so that it can stop in order. A
 * second one ends the process at once, with the status that shells give it.
 */
export async function withStopSignals(run: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const stop = new AbortController();
  const onSignal = (name: (typeof stopSignals)[number]): void => {
    if (stop.signal.aborted) process.exit(128 + constants.signals[name]);
    stop.abort(new Error(`stopped by ${name}`));
    const deadline = setTimeout(() => {
      process.stderr.write(
        `zeroetl: It did not stop in order within ${stopDeadlineMs / 1000} s and is ended.\n`,
      );
      process.exit(1);
    }, stopDeadlineMs);
    deadline.unref();
  };
  for (const name of stopSignals) process.on(name, onSignal);
  try {
    return await run(stop.signal);
  } finally {
    for (const name of stopSignals) process.off(name, onSignal);
  }
}

/** Resolves when the signal is aborted. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
