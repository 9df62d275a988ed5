import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { built } from "./built.ts";
import { until } from "./until.ts";

export interface CommandOptions {
  readonly directory: string;
  readonly variables?: Readonly<Record<string, string>>;
}

export interface CommandResult {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** `zeroetl …` as a user runs it, in a process of its own, with nothing of our environment but the path. */
export class Command implements AsyncDisposable {
  readonly process: ChildProcess;
  #out = "";
  #err = "";

  private constructor(child: ChildProcess) {
    this.process = child;
    child.stderr?.on("data", (chunk: Buffer) => (this.#err += chunk.toString()));
  }

  static async start(
    parameters: readonly string[],
    { directory, variables }: CommandOptions,
  ): Promise<Command> {
    // oxlint-disable-next-line node/no-process-env -- a child needs a path
    const env = { PATH: process.env["PATH"], HOME: directory, ...variables };
    return new Command(
      spawn(process.execPath, [await built(), ...parameters], {
        cwd: directory,
        env,
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
  }

  /** Whether the process has ended; its streams may still hold something. */
  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  get out(): string {
    return this.#out;
  }

  get err(): string {
    return this.#err;
  }

  /** Begins to read standard output: not before, so that a reader may be slow. */
  read(): this {
    this.process.stdout?.on("data", (chunk: Buffer) => (this.#out += chunk.toString()));
    return this;
  }

  async says(pattern: RegExp, deadlineMs?: number): Promise<void> {
    const looked = async (): Promise<boolean> => {
      if (this.hasEnded) throw new Error(`it ended: ${this.#out}${this.#err}`);
      return pattern.test(this.#out + this.#err);
    };
    await until(`it says ${pattern.source}`, looked, deadlineMs);
  }

  async end(): Promise<CommandResult> {
    if (!this.hasEnded) await once(this.process, "close");
    const { exitCode, signalCode } = this.process;
    return { status: exitCode ?? statusOf(signalCode), out: this.#out, err: this.#err };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.hasEnded) return;
    this.process.kill("SIGKILL");
    await once(this.process, "exit");
  }
}

/** As a shell gives it. */
function statusOf(signal: NodeJS.Signals | null): number | null {
  return signal === null ? null : 128 + constants.signals[signal];
}

/** Runs a command to its end. */
export async function run(parameters: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const command = await Command.start(parameters, options);
  return command.read().end();
}
