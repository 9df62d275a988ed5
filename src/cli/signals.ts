import { endBySignal, endProcess, lastWords } from "../base/end-process.ts";
import { environment } from "../config/config.ts";
import { isReaderGone } from "./terminal.ts";

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Less than the 10 s that Docker and others allow. The next start continues from what is durable. */
const stopDeadlineMs = 9_000;

/** npm forwards the SIGINT of a Ctrl-C, which the terminal has also sent to us. */
const npmRepeatsWithinMs = 200;

/** Why a command was asked to stop. */
export class StopRequest extends Error {
  override readonly name = "StopRequest";
}

/** The reader closed standard output, as `head` does. */
export class ReaderGone extends StopRequest {
  constructor() {
    super("the reader of standard output has gone");
  }
}

/**
 * Runs a command under a signal that the first SIGINT, SIGTERM or SIGHUP aborts, as does a closed standard output, so
 * that the command can shut down cleanly. A second signal ends the process at once.
 */
export async function withStopSignals(run: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const stop = new AbortController();
  let stoppedAt = 0;
  const request = (reason: StopRequest): void => {
    if (stop.signal.aborted) return;
    stoppedAt = performance.now();
    stop.abort(reason);
    setTimeout(endLate, stopDeadlineMs).unref();
  };
  const onSignal = (name: (typeof stopSignals)[number]): void => {
    const isRepeated =
      name === "SIGINT" && isRunByNpm() && performance.now() - stoppedAt < npmRepeatsWithinMs;
    if (stop.signal.aborted && !isRepeated) endBySignal(name);
    request(new StopRequest(`stopped by ${name}`));
  };
  const onOutputError = (error: unknown): void => {
    if (isReaderGone(error)) request(new ReaderGone());
  };
  for (const name of stopSignals) process.on(name, onSignal);
  process.stdout.on("error", onOutputError);
  const parent = watchParent(() => request(new StopRequest("stopped by the end of npm")));
  try {
    return await run(stop.signal);
  } finally {
    clearInterval(parent);
    process.stdout.off("error", onOutputError);
    for (const name of stopSignals) process.off(name, onSignal);
  }
}

function endLate(): void {
  lastWords(
    `zeroetl: It did not stop within ${stopDeadlineMs / 1000} s and is ended. Nothing is lost: the next start continues.\n`,
  );
  endProcess(1);
}

/**
 * npm sends SIGTERM to the shell in which it runs a command, and a shell does not forward it: the command would
 * continue without them. `onGone` is called when the shell has ended.
 */
function watchParent(onGone: () => void): NodeJS.Timeout | undefined {
  if (!isRunByNpm()) return undefined;
  const parent = process.ppid;
  const look = (): void => {
    if (process.ppid !== parent) onGone();
  };
  return setInterval(look, 200).unref();
}

function isRunByNpm(): boolean {
  return environment()["npm_lifecycle_event"] !== undefined;
}

/** Resolves when the signal is aborted. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
