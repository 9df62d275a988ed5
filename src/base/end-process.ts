import { writeSync } from "node:fs";

/**
 * process.exit() joins the threads of libuv's pool. A thread that waits for JavaScript, as one does while DuckDB reads
 * rows from us, would then never return, since JavaScript no longer runs: the process would hang. A thread that waits
 * for a file or for DNS would delay the exit for as long as that takes.
 */
const holders = new Set<object>();

/** Call it while threads of the pool may wait for JavaScript. Dispose of the result when none does any more. */
export function holdThreads(): Disposable {
  const holder = {};
  holders.add(holder);
  return { [Symbol.dispose]: () => void holders.delete(holder) };
}

/** Ends the process now. The exit status is `status`, or 137 if a thread of the pool is still busy. */
export function endProcess(status: number): never {
  if (holders.size > 0 || process.getActiveResourcesInfo().some(usesThread)) killProcess();
  process.exit(status);
}

/** Ends the process now by a signal with its default action, which runs nothing and waits for nothing. */
export function endBySignal(name: NodeJS.Signals): never {
  process.removeAllListeners(name);
  process.kill(process.pid, name);
  killProcess();
}

/** Writes to standard error before the process ends. A closed reader does not prevent the end. */
export function lastWords(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Standard error is closed, so there is no one left to read it.
  }
}

/** Node's own requests that run in the pool. */
function usesThread(resource: string): boolean {
  return /^(FSReq|GetAddrInfoReq|GetNameInfoReq)/.test(resource);
}

function killProcess(): never {
  process.kill(process.pid, "SIGKILL");
  // Only process 1 of a container survives that: the kernel delivers no signals to it except those of a fault.
  process.abort();
}
