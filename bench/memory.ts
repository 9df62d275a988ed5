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
