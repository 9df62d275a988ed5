import { closeSync, openSync } from "node:fs";

/**
 * Calls `reload` at each SIGHUP until disposed of, as other services do. A terminal that is closed sends the same
 * signal to the processes that run in it: then the signal has its previous effect.
 */
export function onHangup(reload: () => void): Disposable {
  const before = process.listeners("SIGHUP");
  const startedInTerminal = hasTerminal();
  const onSignal: NodeJS.SignalsListener = (signal) => {
    if (!startedInTerminal || hasTerminal()) reload();
    else for (const listener of before) listener.call(process, signal);
  };
  process.removeAllListeners("SIGHUP");
  process.on("SIGHUP", onSignal);
  return {
    [Symbol.dispose]: () => {
      process.off("SIGHUP", onSignal);
      for (const listener of before) process.on("SIGHUP", listener);
    },
  };
}

/** Whether the process has a terminal that it could write to, regardless of redirected output. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
