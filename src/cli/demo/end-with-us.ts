import { spawn, type ChildProcess } from "node:child_process";

/**
 * Sends a signal to a child if this process ends, for any reason, while the child is still running. A shell reads from
 * a pipe, which the kernel closes when this process ends. A line on the pipe makes the shell exit without sending the
 * signal.
 */
export function endWithUs(child: ChildProcess, signal: "QUIT" | "KILL"): void {
  const script = `read -r _ || kill -${signal} "$1"`;
  const guard = spawn("sh", ["-c", script, "sh", String(child.pid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  guard.unref();
  // The guard may have been killed.
  guard.stdin.on("error", () => {});
  child.once("exit", () => guard.stdin.end("ended\n"));
}
