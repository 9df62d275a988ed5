import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pause } from "../base/backoff.ts";
import { logger } from "../base/log.ts";
import { TaskGroup } from "../base/task-group.ts";
import type { Finding } from "../model/finding.ts";
import type { SourceEngine, StreamRequest } from "../source/source.ts";
import type { Warehouse } from "../target/target.ts";
import { needsLookingAgain, type StreamStanding } from "./standing.ts";
import type { TableVerification } from "./verify.ts";
import type { WorkerHealth, WorkerRequest } from "./worker.ts";

/** What the supervisor needs of a worker; `Worker` is one. */
export interface StreamWorker extends AsyncDisposable {
  readonly health: () => Promise<WorkerHealth>;
  readonly verify: (signal: AbortSignal) => Promise<readonly TableVerification[]>;
  readonly onChange: (listener: () => void) => () => void;
}

export interface StreamRunRequest {
  readonly stream: StreamRequest;
  /** The data filter that the scope of `stream` was parsed from. */
  readonly filter: string;
  readonly source: SourceEngine;
  readonly warehouse: Warehouse;
  readonly destinationDatabase: string;
  /** Holds the spools of all streams. */
  readonly spoolRoot: string;
  readonly catalogPollMs: number;
  readonly startWorker: (request: WorkerRequest) => StreamWorker;
  /** Called when a worker or the preflight has something new to tell. */
  readonly onChange: () => void;
}

const log = logger("stream");

/** How often the preflight looks: while something is wrong that a person may be mending, and else. */
const lookAgainMs = { troubled: 15_000, calm: 300_000 } as const;

/** A stream that is wanted: its worker, and a preflight that looks again now and then. */
export class StreamRun implements AsyncDisposable {
  readonly request: StreamRunRequest;
  readonly #worker: StreamWorker;
  readonly #tasks = new TaskGroup();
  #findings: readonly Finding[] = [];

  private constructor(request: StreamRunRequest, worker: StreamWorker) {
    this.request = request;
    this.#worker = worker;
    worker.onChange(request.onChange);
    this.#tasks.run((signal) => this.#lookAgain(signal));
  }

  static async start(request: StreamRunRequest): Promise<StreamRun> {
    const { stream, source, warehouse, destinationDatabase, catalogPollMs } = request;
    const spoolDirectory = spoolOf(request.spoolRoot, stream);
    await mkdir(spoolDirectory, { recursive: true, mode: 0o700 });
    const worker = request.startWorker({
      stream,
      source,
      warehouse,
      destinationDatabase,
      spoolDirectory,
      catalogPollMs,
    });
    return new StreamRun(request, worker);
  }

  get filter(): string {
    return this.request.filter;
  }

  async standing(): Promise<StreamStanding> {
    return { health: await this.#worker.health(), findings: this.#findings };
  }

  verify(signal: AbortSignal): Promise<readonly TableVerification[]> {
    return this.#worker.verify(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
    await this.#worker[Symbol.asyncDispose]();
  }

  async #lookAgain(signal: AbortSignal): Promise<void> {
    const { source, stream, onChange } = this.request;
    for (;;) {
      try {
        this.#findings = await source.check(stream, signal);
        onChange();
      } catch (error) {
        signal.throwIfAborted();
        log.warn({ database: stream.database, err: error }, "The preflight could not look");
      }
      const troubled = needsLookingAgain(await this.standing());
      await pause(troubled ? lookAgainMs.troubled : lookAgainMs.calm, signal);
    }
  }
}

/** What a stream that is gone for good leaves on this machine. */
export async function removeSpool(spoolRoot: string, stream: StreamRequest): Promise<void> {
  await rm(spoolOf(spoolRoot, stream), { recursive: true, force: true });
}

function spoolOf(root: string, { integrationId, database }: StreamRequest): string {
  // Names of databases may hold anything; their hash is a file name everywhere.
  return join(root, `${integrationId}_${createHash("sha256").update(database).digest("hex").slice(0, 16)}`);
}
