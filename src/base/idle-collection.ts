import { setFlagsFromString } from "node:v8";
import { performance } from "node:perf_hooks";
import { runInNewContext } from "node:vm";

/** In bytes of buffers: a busy stream keeps about this much for reuse. */
const heldBytesMin = 64 * 1024 ** 2;
const busyMax = 0.3;

/**
 * Collects garbage when the event loop is nearly idle and buffers are held that may be garbage. V8 itself collects only
 * on allocation, so the buffers of large values would stay for as long as the process is idle.
 */
export function collectWhenIdle(everyMs = 10_000): Disposable {
  const collect = collector();
  let before = performance.eventLoopUtilization();
  let left = 0;
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(before);
    before = performance.eventLoopUtilization();
    const { arrayBuffers } = process.memoryUsage();
    // What the last collection left is not garbage.
    if (utilization > busyMax || arrayBuffers < left + heldBytesMin) return;
    collect();
    left = process.memoryUsage().arrayBuffers;
  }, everyMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function collector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  return collect;
}
