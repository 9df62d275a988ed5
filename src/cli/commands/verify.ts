import { withFix } from "../../base/errors.ts";
import type { StreamReport, VerificationLine } from "../../model/operator.ts";
import type { ServiceClient } from "../client.ts";
import { clientOf, type CommandContext } from "../context.ts";
import type { Terminal } from "../terminal.ts";
import { aligned, counted, duration, grouped } from "../text.ts";

export interface VerifyFlags {
  readonly json?: boolean | undefined;
}

/** The number of tables with each result. */
export interface VerifySummary {
  readonly equal: number;
  readonly different: number;
  /** In step with the source, but not compared because they cannot be read there. */
  readonly unreadable: number;
  /** Not in step with the source, as `status` also shows. */
  readonly skipped: number;
}

/** `zeroetl verify`: exit 1 on any difference, for a table that cannot be read, and if there was nothing to compare. */
export async function verify(
  context: CommandContext,
  integration: string,
  flags: VerifyFlags,
): Promise<number> {
  const { terminal, signal } = context;
  const client = await clientOf(context);
  const lines: VerificationLine[] = [];
  using _progress = showProgress({ client, integration, signal, terminal });
  for await (const line of client.lines("verify", { integration }, signal)) {
    lines.push(line);
    if (flags.json === true) await terminal.print(JSON.stringify(line));
  }
  const summary = summaryOf(lines);
  if (flags.json !== true) await printVerification(lines, terminal);
  return isProven(summary) ? 0 : 1;
}

/** Whether every table that is in step with the source was compared and is equal. */
export function isProven({ equal, different, unreadable }: VerifySummary): boolean {
  return equal > 0 && different === 0 && unreadable === 0;
}

const progressEveryMs = 2_000;

interface Comparison {
  readonly client: ServiceClient;
  readonly integration: string;
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
}

/** Until disposed of, shows what the comparison is waiting for. */
function showProgress({ client, integration, signal, terminal }: Comparison): Disposable {
  const comparing = "Comparing source and warehouse …";
  let isOver = !terminal.isInteractive;
  const look = async (): Promise<void> => {
    const { integrations } = await client.ask("status", { integration }, signal);
    const waits = (integrations[0]?.streams ?? []).flatMap((stream) => waitFor(stream) ?? []);
    if (!isOver) await terminal.redraw(`${comparing} ${waits[0] ?? ""}`);
  };
  void terminal.redraw(comparing);
  // A key may permit comparing without permitting the status: then nothing is shown.
  const timer = setInterval(() => void (isOver || look().catch(() => {})), progressEveryMs);
  const stop = (): void => {
    isOver = true;
    clearInterval(timer);
  };
  return { [Symbol.dispose]: stop };
}

function waitFor({ cause, phase, lagSeconds }: StreamReport): string | undefined {
  if (cause !== null) return cause;
  if (phase === "copying") return "tables are being copied first";
  return (lagSeconds ?? 0) > 1 ? `the stream is ${duration(lagSeconds ?? 0)} behind` : undefined;
}

export function summaryOf(lines: readonly VerificationLine[]): VerifySummary {
  const count = (result: VerificationLine["result"]): number =>
    lines.filter((line) => line.result === result).length;
  return {
    equal: count("equal"),
    different: count("different"),
    unreadable: count("unreadable"),
    skipped: count("skipped"),
  };
}

export async function printVerification(
  lines: readonly VerificationLine[],
  terminal: Terminal,
): Promise<void> {
  const several = new Set(lines.map(({ sourceDatabase }) => sourceDatabase)).size > 1;
  const rows = lines.map((line) => {
    const name = `${several ? `${line.sourceDatabase}.` : ""}${line.schema}.${line.table}`;
    return [name, ...told(line)];
  });
  for (const [index, text] of aligned(rows).entries())
    await terminal.print(isBad(lines[index]?.result) ? terminal.bad(text) : text);
  await terminal.print(sentence(summaryOf(lines)));
}

function isBad(result: VerificationLine["result"] | undefined): boolean {
  return result === "different" || result === "unreadable";
}

function told(line: VerificationLine): [string, string] {
  switch (line.result) {
    case "equal":
      return ["equal", counted(line.rows, "row")];
    case "different":
      return ["DIFFERENT", differenceOf(line.source, line.target)];
    case "unreadable":
      return ["not compared", withFix(line.reason, line.fix ?? undefined)];
    case "skipped":
      return ["not compared", `${line.state}${line.reason === null ? "" : `: ${line.reason}`}`];
  }
}

function differenceOf(source: { readonly rows: number }, target: { readonly rows: number }): string {
  if (source.rows === target.rows)
    return `${counted(source.rows, "row")} on both sides, with different contents`;
  return `${grouped(source.rows)} rows at the source, ${grouped(target.rows)} in the warehouse`;
}

export function sentence({ equal, different, unreadable, skipped }: VerifySummary): string {
  const uncompared = unreadable + skipped;
  if (equal + different + uncompared === 0) return "There was no table to compare.";
  const left = uncompared === 0 ? "" : `, ${uncompared} not compared`;
  return `${counted(equal, "table")} equal, ${different} different${left}.`;
}
