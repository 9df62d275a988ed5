import { readFileSync, writeFileSync } from "node:fs";

const mebibyte = 1024 * 1024;

/** Resident memory of a process now, MiB. Linux only: the figures are for one machine anyway. */
export function residentMiB(pid: number): number {
  return statusField(pid, "VmRSS");
}

/** The highest resident memory since `resetPeak`, MiB. */
export function peakMiB(pid: number): number {
  return statusField(pid, "VmHWM");
}

export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

function statusField(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/status has no ${field}`);
  return Math.round((Number(kibibytes) * 1024) / mebibyte);
}

/** Seconds of processor time that a process and all it has started have used, ended ones included. Linux only. */
export function cpuSeconds(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter(Boolean)
    .map(Number);
  return children.reduce((sum, child) => sum + cpuSeconds(child), ownCpuSeconds(pid));
}

function ownCpuSeconds(pid: number): number {
  // Fields behind the name, which may hold anything: utime, stime, and those of children that have been waited for.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 15);
  return fields.reduce((sum, field) => sum + Number(field), 0) / ticksPerSecond;
}

/** USER_HZ, which is 100 on every architecture that Node.js runs on. */
const ticksPerSecond = 100;
