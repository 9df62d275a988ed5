import { basename, delimiter, dirname, relative } from "node:path";
import { environment } from "../config/config.ts";
import { shellQuoted } from "./text.ts";

/** How a process was started, as far as it determines how to start the next command. */
export interface Call {
  /** Absolute, with symbolic links unresolved: `process.argv[1]`. */
  readonly script: string;
  readonly workingDirectory: string;
  /** `PATH`, and the variables that npm sets for the programs that it starts. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/**
 * What a user types before a command's name to run this same program: `npx zeroetl` if npm started it, `zeroetl` if it
 * was found in the path, and `node PATH` otherwise.
 */
export function commandName({ script, workingDirectory, variables }: Call): string {
  if (variables["npm_command"] !== undefined) return "npx zeroetl";
  const path = variables["PATH"]?.split(delimiter) ?? [];
  if (basename(script) === "zeroetl" && path.includes(dirname(script))) return "zeroetl";
  const near = relative(workingDirectory, script);
  return `node ${shellQuoted(near.startsWith("..") ? script : near)}`;
}

/** The command by which this process was started. */
export function calledAs(): string {
  return commandName({
    script: process.argv[1] ?? "zeroetl",
    workingDirectory: process.cwd(),
    variables: environment(),
  });
}

/**
 * Adapts a text to this terminal. The service, which may run elsewhere, writes commands as `zeroetl …` in backquotes.
 */
export function asCalled(text: string): string {
  return text.replaceAll("`zeroetl ", () => `\`${calledAs()} `);
}
