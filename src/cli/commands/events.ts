import type { EventLine } from "../../model/operator.ts";
import { calledAs } from "../command-name.ts";
import { clientOf, type CommandContext } from "../context.ts";
import { sinceOf } from "../since.ts";
import type { Terminal } from "../terminal.ts";
import { counted, headed, localTime, oneLine, wrapped } from "../text.ts";

export interface EventsFlags {
  readonly since: string;
  readonly json?: boolean | undefined;
}

/** `zeroetl events`: prints the events of integrations as they arrive, newest last. */
export async function events(
  context: CommandContext,
  integration: string | undefined,
  flags: EventsFlags,
): Promise<number> {
  const { terminal, signal } = context;
  const since = sinceOf(flags.since, new Date());
  const client = await clientOf(context);
  let count = 0;
  for await (const event of client.lines("events", { integration, since: since.toISOString() }, signal)) {
    count += 1;
    if (flags.json === true) await terminal.print(JSON.stringify(event));
    else await terminal.print(eventText(event, terminal));
  }
  if (flags.json !== true) await terminal.print(conclusion(count, since));
  return 0;
}

/** As wide as the longest severity. */
const severityColumns = "Warning".length;
/** On a narrower terminal, a message has lines of its own. */
const besideMin = 60;

/** The local time, severity, name and message. What does not fit on the line continues below the name. */
export function eventText({ at, severity, integration, message }: EventLine, terminal: Terminal): string {
  const time = `${localTime(new Date(at))}  `;
  const isNarrow = terminal.columns < besideMin;
  const margin = " ".repeat(isNarrow ? 2 : time.length + severityColumns + 2);
  const lines = wrapped(oneLine(`${integration}: ${message}`), terminal.columns, margin);
  if (isNarrow) return [time + coloured(severity, terminal), ...lines].join("\n");
  const blanks = " ".repeat(severityColumns - severity.length);
  const head = `${time}${coloured(severity, terminal)}${blanks}  `;
  return headed(head, lines, margin).join("\n");
}

function coloured(severity: EventLine["severity"], terminal: Terminal): string {
  switch (severity) {
    case "Error":
      return terminal.bad(severity);
    case "Warning":
      return terminal.bold(severity);
    case "Info":
      return severity;
  }
}

function conclusion(count: number, since: Date): string {
  if (count > 0) return `(${counted(count, "event")} since ${localTime(since)})`;
  return [
    `Nothing has happened since ${localTime(since)}.`,
    "Events are kept for 14 days: --since 14d shows them all.",
    `Current state: ${calledAs()} status`,
  ].join("\n");
}
