import { once } from "node:events";
import { environment } from "../config/config.ts";

/** Standard output as our commands use it. */
export interface Terminal {
  /** Whether it is a person's terminal: then progress is redrawn in place. */
  readonly isInteractive: boolean;
  readonly columns: number;
  /** The current height of the window. */
  readonly rows: number;
  /** Writes a whole line; clears a redrawn one first. Waits while the reader is slow. */
  readonly print: (line?: string) => Promise<void>;
  /** Writes text unchanged. */
  readonly write: (text: string) => Promise<void>;
  /** Writes a line that the next one replaces; ignored if not interactive. */
  readonly redraw: (line: string) => Promise<void>;
  readonly bold: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

export function openTerminal(): Terminal {
  const { stdout } = process;
  const isInteractive = stdout.isTTY;
  const hasColour = isInteractive && environment()["NO_COLOR"] === undefined;
  const colour = (code: number) => (text: string) => (hasColour ? `\u001b[${code}m${text}\u001b[0m` : text);
  let isRedrawn = false;
  const write = async (text: string): Promise<void> => {
    // Without a reader, the command is asked to stop, and what it still writes is discarded.
    if (stdout.errored !== null || stdout.write(text)) return;
    await once(stdout, "drain").catch((error: unknown) => {
      if (!isReaderGone(error)) throw error;
    });
  };
  const print = async (line = ""): Promise<void> => {
    const erase = isRedrawn ? "\r\u001b[K" : "";
    isRedrawn = false;
    await write(`${erase}${line}\n`);
  };
  return {
    isInteractive,
    get columns() {
      return Math.min(stdout.columns ?? 80, 120);
    },
    get rows() {
      return stdout.rows ?? 24;
    },
    print,
    write,
    redraw: async (line) => {
      if (!isInteractive) return;
      isRedrawn = true;
      await write(`\r\u001b[K${line.slice(0, (stdout.columns ?? 80) - 1)}`);
    },
    bold: colour(1),
    good: colour(32),
    bad: colour(31),
  };
}

/** A reader that disconnects, such as `head`, is an error only for code that waits for it. */
export function surviveClosedOutput(): void {
  for (const output of [process.stdout, process.stderr])
    output.on("error", (error) => {
      if (!isReaderGone(error)) throw error;
    });
}

export function isReaderGone(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "EPIPE";
}
