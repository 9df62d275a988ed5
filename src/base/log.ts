import { pino, type Logger } from "pino";
import pretty from "pino-pretty";

export type { Logger };

let isVerbose = false;

/**
 * Shared by all `logger` children. A message is a constant sentence; what varies is a field; never a value or a secret.
 */
const root = pino(
  {
    level: "info",
    base: null,
    redact: { paths: ["url", "*.url", "password", "*.password"], censor: "[secret]" },
    serializers: { err: (error: unknown) => errorFields(error, process.stderr.isTTY && !isVerbose) },
  },
  process.stderr.isTTY
    ? pretty({ destination: 2, ignore: "pid,hostname", singleLine: true, sync: true })
    : pino.destination({ dest: 2, sync: true }),
);

/** An error as it is logged. `isBrief`: only what a person needs, without a stack. */
export function errorFields(error: unknown, isBrief: boolean): unknown {
  if (!isBrief || !(error instanceof Error)) return pino.stdSerializers.err(error as Error);
  return error.message;
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Applies to every logger, including existing ones. */
export function setLogLevel(level: LogLevel): void {
  root.level = level;
  isVerbose = level === "debug";
  for (const child of children) child.level = level;
}

const children: Logger[] = [];

/** The logger of one part of the system, such as `supervisor`. Created once per part, not per object. */
export function logger(part: string): Logger {
  const child = root.child({ part });
  children.push(child);
  return child;
}
