import { spawn, type ChildProcess } from "node:child_process";

/**
 * Sends a signal to a child if this process ends, for any reason, while the child still runs: a shell reads from a
 * pipe, which the kernel closes with this process. A line on the pipe dismisses the shell.
 */
export function endWithUs(child: ChildProcess, signal: "QUIT" | "KILL"): void {
  const script = `read -r _ || kill -${signal} "$1"`;
  const guard = spawn("sh", ["-c", script, "sh", String(child.pid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  guard.unref();
  // Someone may have killed the guard.
  guard.stdin.on("error", () => {});
  child.once("exit", () => guard.stdin.end("ended\n"));
}
