/** One line of a bench's table. `ratio` is against the reference measured in the same run. */
export interface Measurement {
  readonly what: string;
  readonly seconds: number;
  readonly perSecond: number;
  readonly ratio: number;
}

export interface Memory {
  readonly idleMiB: number;
  readonly peakMiB: number;
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

export function printMemory({ idleMiB, peakMiB }: Memory): void {
  print(`memory: ${idleMiB} MiB idle, ${peakMiB} MiB at most, ${peakMiB - idleMiB} MiB above idle`);
}

export const round = (value: number) => Math.round(value * 1000) / 1000;
