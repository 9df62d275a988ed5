import { writeSync } from "node:fs";

/**
 * process.exit() joins the threads of libuv's pool. A thread that waits for JavaScript, as one does while DuckDB reads
 * rows from us, would then never return, since JavaScript does not run any more: the process would hang. So would one
 * that waits for a file or for DNS, for as long as that takes.
 */
const holders = new Set<object>();

/** Call it while threads of the pool may wait for JavaScript; dispose of the result when none does any more. */
export function holdThreads(): Disposable {
  const holder = {};
  holders.add(holder);
  return { [Symbol.dispose]: () => void holders.delete(holder) };
}

/** Ends the process now. The exit status is `status` unless a thread of the pool is still busy: then it is 137. */
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

/** Writes to standard error before the process ends; a reader that has gone is no reason not to end. */
export function lastWords(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Standard error is closed, so there is no one left to read it.
  }
}

/** Requests of Node's own that run in the pool. */
function usesThread(resource: string): boolean {
  return /^(FSReq|GetAddrInfoReq|GetNameInfoReq)/.test(resource);
}

function killProcess(): never {
  process.kill(process.pid, "SIGKILL");
  // Only process 1 of a container survives that: the kernel spares it every signal but those of a fault.
  process.abort();
}
