import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pause } from "../../base/backoff.ts";
import { CodedError } from "../../base/errors.ts";
import { LinkedAbort } from "../../base/linked-abort.ts";
import type { SettingsInput } from "../../config/config.ts";
import { readServiceRecord } from "../../service/data-directory.ts";
import { ServiceClient } from "../client.ts";
import { endWithUs } from "./end-with-us.ts";

export interface DemoServiceOptions {
  /** The data directory, with which no service has listened yet. Also contains the configuration file and the log. */
  readonly directory: string;
  readonly settings: SettingsInput;
  /** Log everything, to our standard error instead of the file. */
  readonly isDebug: boolean;
  /** The command line that starts this program, without a subcommand. */
  readonly program: readonly [string, ...string[]];
}

const pollMs = 25;
/** How long a service may take to end after its connections have closed. */
const endingMs = 1_000;

/**
 * `zeroetl serve` in a separate process. A Ctrl-C on the terminal does not reach it, so that its clients can end first.
 * It is killed if this process ends without having stopped it.
 */
export class DemoService implements AsyncDisposable {
  readonly client: ServiceClient;
  readonly #process: ServeProcess;

  private constructor(client: ServiceClient, process: ServeProcess) {
    this.client = client;
    this.#process = process;
  }

  /** Returns when the service accepts connections. Throws `CodedError` DEMO_SERVICE if the service ends instead. */
  static async start(options: DemoServiceOptions, signal: AbortSignal): Promise<DemoService> {
    const process = await ServeProcess.start(options, signal);
    try {
      while ((await readServiceRecord(options.directory)) === undefined) await pause(pollMs, process.signal);
      const client = await ServiceClient.open({ dataDirectory: options.directory, credentials: [] });
      return new DemoService(client, process);
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Aborted when the caller's signal is, and with a `CodedError` DEMO_SERVICE when the service ends by itself. */
  get signal(): AbortSignal {
    return this.#process.signal;
  }

  /** The reason why a request failed. A service that ends closes its connections shortly before. */
  async reasonOf(error: unknown): Promise<unknown> {
    await pause(endingMs, this.signal).catch(() => {});
    return this.signal.aborted ? this.signal.reason : error;
  }

  /** Stops the service. Throws `CodedError` DEMO_SERVICE if it does not stop in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

class ServeProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly #abort: LinkedAbort;
  /** Resolves when the process has ended, with the error to report to the user. */
  readonly #ended: Promise<CodedError>;

  private constructor(child: ChildProcess, logFile: string, signal: AbortSignal) {
    this.#child = child;
    this.#logFile = logFile;
    this.#abort = new LinkedAbort(signal);
    this.#ended = this.#watch();
  }

  static async start(
    { directory, settings, isDebug, program: [program, ...parameters] }: DemoServiceOptions,
    signal: AbortSignal,
  ): Promise<ServeProcess> {
    const configuration = join(directory, "zeroetl.yaml");
    // JSON is YAML.
    await writeFile(configuration, JSON.stringify(settings), { mode: 0o600 });
    const logFile = join(directory, "service.log");
    await using log = await open(logFile, "a", 0o600);
    const serve = ["serve", "--config", configuration, "--data-dir", directory];
    const child = spawn(program, [...parameters, ...serve, ...(isDebug ? ["--debug"] : [])], {
      detached: true,
      stdio: ["ignore", "ignore", isDebug ? "inherit" : log.fd],
    });
    const service = new ServeProcess(child, logFile, signal);
    if (child.pid !== undefined) endWithUs(child, "KILL");
    return service;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort[Symbol.dispose]();
    // False if it has already ended, which `signal` has reported.
    if (!this.#child.kill("SIGTERM")) return;
    const failure = await this.#ended;
    if (this.#child.exitCode !== 0) throw failure;
  }

  async #watch(): Promise<CodedError> {
    const failure = await this.#untilEnded();
    this.#abort.abort(failure);
    return failure;
  }

  async #untilEnded(): Promise<CodedError> {
    try {
      await once(this.#child, "exit");
    } catch (cause) {
      return new CodedError("DEMO_SERVICE", "The service did not start", { cause });
    }
    const { exitCode, signalCode } = this.#child;
    const said = lastWordsIn(await readFile(this.#logFile, "utf8"));
    return new CodedError(
      "DEMO_SERVICE",
      `The service ended: ${said ?? signalCode ?? `exit status ${exitCode}`}`,
    );
  }
}

/** Finds the error message that a failed command prints among the lines of its log. */
function lastWordsIn(log: string): string | undefined {
  return [...log.matchAll(/^zeroetl: (.+?)(?: \(see more with --debug\))?$/gm)].at(-1)?.[1];
}
