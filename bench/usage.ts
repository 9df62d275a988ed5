import { readFileSync, writeFileSync } from "node:fs";

// Figures of /proc: NaN on systems other than Linux, printed as "unknown".
const isLinux = process.platform === "linux";
const mebibyte = 1024 * 1024;
/** USER_HZ, which is 100 on every architecture that Node.js runs on. */
const ticksPerSecond = 100;

/** What a process has used since the meter started. */
export interface Usage {
  /** Resident memory at the start. */
  readonly idleMiB: number;
  /** The highest resident memory. */
  readonly peakMiB: number;
  /** Processor time of all threads, user and system. */
  readonly cpuSeconds: number;
}

/** Measures a process from outside. */
export class Meter {
  readonly #pid: number;
  readonly #idleMiB: number;
  #cpuSecondsBefore = 0;

  private constructor(pid: number) {
    this.#pid = pid;
    this.#idleMiB = residentMiB(pid);
    this.restart();
  }

  static start(pid: number): Meter {
    return new Meter(pid);
  }

  /** Measures from now on, against the same idle memory. */
  restart(): void {
    resetPeak(this.#pid);
    this.#cpuSecondsBefore = cpuSeconds(this.#pid);
  }

  used(): Usage {
    return {
      idleMiB: this.#idleMiB,
      peakMiB: peakMiB(this.#pid),
      cpuSeconds: hundredths(cpuSeconds(this.#pid) - this.#cpuSecondsBefore),
    };
  }
}

/** As exact as the kernel counts it. */
export function hundredths(seconds: number): number {
  return Math.round(seconds * ticksPerSecond) / ticksPerSecond;
}

/** Resident memory of a process now, MiB. */
export function residentMiB(pid: number): number {
  return statusMiB(pid, "VmRSS");
}

/** The highest resident memory since the process started, or since `resetPeak`, MiB. */
export function peakMiB(pid: number): number {
  return statusMiB(pid, "VmHWM");
}

function resetPeak(pid: number): void {
  if (isLinux) writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

function statusMiB(pid: number, field: string): number {
  if (!isLinux) return Number.NaN;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/status has no ${field}`);
  return Math.round((Number(kibibytes) * 1024) / mebibyte);
}

/** Seconds of processor time that a process and all it has started have used, ended ones included. */
export function cpuSeconds(pid: number): number {
  if (!isLinux) return Number.NaN;
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
