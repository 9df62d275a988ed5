import { pause } from "../../base/backoff.ts";
import { Deadline } from "../../base/deadline.ts";
import { logger } from "../../base/log.ts";
import type { SecretBytes } from "../../base/secret.ts";
import { TaskGroup } from "../../base/task-group.ts";
import type { Finding } from "../../model/finding.ts";
import type { TableStatus } from "../../model/integration.ts";
import type { SourceEngine, StreamRequest } from "../../source/source.ts";
import type { Warehouse } from "../../target/target.ts";
import { gated } from "./preflight.ts";
import { needsLookingAgain, type StreamStatus } from "../control/integration-status.ts";
import type { StreamFiles } from "./stream-mark.ts";
import type { TableVerification } from "./verify.ts";
import type { WorkerHealth, WorkerRequest } from "./worker.ts";

/** The part of a worker that the supervisor needs; `Worker` implements it. */
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
  readonly sourceArn: string;
  readonly files: StreamFiles;
  readonly dataKey: SecretBytes;
  readonly catalogPollMs: number;
  readonly nextEpoch: WorkerRequest["nextEpoch"];
  readonly startWorker: (request: WorkerRequest) => StreamWorker;
  /** Called when a worker or the preflight has something new to report. */
  readonly onChange: () => void;
}

const log = logger("stream");

/** How often the preflight runs: while something is wrong that a person may be fixing, and otherwise. */
const lookAgainMs = { troubled: 15_000, calm: 300_000 } as const;

const checkDeadlineMs = 30_000;

/** A desired stream: its worker, and a preflight that is repeated from time to time. */
export class StreamRun implements AsyncDisposable {
  readonly request: StreamRunRequest;
  readonly #worker: StreamWorker;
  readonly #tasks = new TaskGroup();
  #findings: readonly Finding[] | undefined;
  #leaving: { readonly among: readonly TableStatus[]; readonly count: number } = { among: [], count: 0 };

  private constructor(request: StreamRunRequest, isMarked: boolean) {
    const { stream, source, files, warehouse, destinationDatabase, sourceArn } = request;
    const { dataKey, catalogPollMs, nextEpoch } = request;
    this.request = request;
    const onFindings = (findings: readonly Finding[]): void => {
      this.#findings = findings;
    };
    this.#worker = request.startWorker({
      stream,
      source: gated(source, { files, onFindings }),
      warehouse,
      destinationDatabase,
      sourceArn,
      spoolDirectory: files.spool,
      dataKey,
      catalogPollMs,
      nextEpoch,
    });
    this.#worker.onChange(request.onChange);
    // The first opening of a stream runs its own preflight.
    const firstLookMs = isMarked ? 0 : lookAgainMs.troubled;
    this.#tasks.run((signal) => this.#lookAgain(firstLookMs, signal));
  }

  static async start(request: StreamRunRequest): Promise<StreamRun> {
    await request.files.makeSpool();
    return new StreamRun(request, await request.files.isMarked());
  }

  async status(): Promise<StreamStatus> {
    const health = await this.#worker.health();
    const { source, stream } = this.request;
    const isLeaving = (table: TableStatus): boolean =>
      table.state === "Synced" && !source.selects(stream.scope, stream.database, table);
    if (this.#leaving.among !== health.tables)
      this.#leaving = { among: health.tables, count: health.tables.filter(isLeaving).length };
    return { health, findings: this.#findings, leaving: this.#leaving.count };
  }

  verify(signal: AbortSignal): Promise<readonly TableVerification[]> {
    return this.#worker.verify(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
    await this.#worker[Symbol.asyncDispose]();
  }

  /** With a deadline: the first status of a stream waits for its findings. */
  async #check(signal: AbortSignal): Promise<readonly Finding[]> {
    using deadline = new Deadline(checkDeadlineMs, signal);
    return await this.request.source.check(this.request.stream, deadline.signal);
  }

  async #lookAgain(firstLookMs: number, signal: AbortSignal): Promise<void> {
    const { stream, onChange } = this.request;
    await pause(firstLookMs, signal);
    for (;;) {
      try {
        this.#findings = await this.#check(signal);
        onChange();
      } catch (error) {
        signal.throwIfAborted();
        this.#findings ??= [];
        log.warn({ database: stream.database, err: error }, "The preflight failed");
      }
      const isTroubled = needsLookingAgain(await this.status());
      await pause(isTroubled ? lookAgainMs.troubled : lookAgainMs.calm, signal);
    }
  }
}
