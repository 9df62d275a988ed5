import type { Usage } from "./usage.ts";

/** One line of a bench's table. `ratio` is against the reference measured in the same run. */
export interface Measurement {
  readonly what: string;
  readonly seconds: number;
  readonly perSecond: number;
  readonly ratio: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = 0, high = 0] =
    sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : sorted.slice(middle - 1);
  return (low + high) / 2;
}

/** The value below which `share` (0 … 1) of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printMeasurements(measurements: readonly Measurement[]): void {
  print(`${"".padEnd(52)}${"s".padStart(8)}${"per s".padStart(11)}${"ratio".padStart(8)}`);
  for (const { what, seconds, perSecond, ratio } of measurements)
    print(
      what.padEnd(52) +
        seconds.toFixed(2).padStart(8) +
        Math.round(perSecond).toLocaleString("en").padStart(11) +
        ratio.toFixed(2).padStart(8),
    );
}

export function printMemory({ idleMiB, peakMiB }: Pick<Usage, "idleMiB" | "peakMiB">): void {
  const [idle, most, above] = [idleMiB, peakMiB, peakMiB - idleMiB].map((value) => shown(value, "MiB"));
  print(`memory: ${idle} idle, ${most} at most, ${above} above idle`);
}

/** `what` the service has moved meanwhile, such as rows. */
export function printProcessor(usage: Usage, count: number, what: string): void {
  const [total, each] = [usage.cpuSeconds, cpuPerMillion(usage, count)].map((value) => shown(value, "s", 2));
  print(`processor: ${total}, ${each} per million ${what}`);
}

export function cpuPerMillion({ cpuSeconds }: Usage, count: number): number {
  return (cpuSeconds / count) * 1e6;
}

/** A figure of `Usage`, which may be unknown. */
export function shown(value: number, unit = "", digits = 0): string {
  return Number.isNaN(value) ? "unknown" : `${value.toFixed(digits)} ${unit}`.trimEnd();
}

export const round = (value: number) => Math.round(value * 1000) / 1000;
