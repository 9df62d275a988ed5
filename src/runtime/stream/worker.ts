import { assert } from "../../base/assert.ts";
import { backoffMs, pause } from "../../base/backoff.ts";
import { Deadline } from "../../base/deadline.ts";
import { CodedError, fixOf, messageOf, releaseFrames, withFix } from "../../base/errors.ts";
import { LinkedAbort } from "../../base/linked-abort.ts";
import { logger } from "../../base/log.ts";
import type { SecretBytes } from "../../base/secret.ts";
import type { Block, TableEvent, TableFailureReason } from "../../model/replication/block.ts";
import type { Delta } from "../../model/replication/delta.ts";
import type { IntegrationError, TableStatus } from "../../model/integration.ts";
import { SuspectError, TableError } from "../../model/replication/table-error.ts";
import { stateName } from "../../model/replication/table-state.ts";
import { runPipeline } from "../../pipeline/pipeline.ts";
import type {
  CopyMeasure,
  Source,
  SourceEngine,
  SourceMeasures,
  Stall,
  StreamRequest,
} from "../../source/source.ts";
import type { DestinationDatabase, TableMeasure, Warehouse } from "../../target/target.ts";
import { Lag } from "./lag.ts";
import { Opening } from "./opening.ts";
import { waitFor } from "./wait-for.ts";
import { Suspects } from "./suspects.ts";
import { verifyStream, type TableVerification } from "./verify.ts";

export interface WorkerRequest {
  readonly stream: StreamRequest;
  readonly source: SourceEngine;
  readonly warehouse: Warehouse;
  readonly destinationDatabase: string;
  readonly sourceArn: string;
  readonly spoolDirectory: string;
  readonly dataKey: SecretBytes;
  readonly catalogPollMs: number;
  /** As in `DatabaseRequest`: another one for each attempt. */
  readonly nextEpoch: () => Promise<number>;
}

export type WorkerPhase =
  | { readonly kind: "connecting" }
  | { readonly kind: "copying" }
  | { readonly kind: "streaming" }
  /** Will be retried automatically. `needsPerson`: retries fail until a person has fixed it. */
  | {
      readonly kind: "retrying";
      readonly error: IntegrationError;
      /** Undefined during the attempt. */
      readonly nextAttemptAt: Date | undefined;
      readonly needsPerson: boolean;
    };

export interface WorkerHealth {
  readonly phase: WorkerPhase;
  readonly sourceDatabase: string;
  readonly destinationDatabase: string;
  /** See `Lag`; undefined if unknown. */
  readonly lagSeconds: number | undefined;
  /** The stream is connected and does not advance, although the source does. */
  readonly stall: Stall | undefined;
  /** Commit times of the newest transactions, ms since 1970; undefined until one was read, or applied. */
  readonly newestCommits: { readonly readMs: number | undefined; readonly appliedMs: number | undefined };
  /** The server's version, such as `15.4`, when it was last reached; undefined before that. */
  readonly engineVersion: string | undefined;
  readonly retainedBytes: number | undefined;
  /** As in `SourceMeasures`; undefined while not connected. */
  readonly copiesWaiting: number | undefined;
  readonly copies: readonly TableCopy[];
  readonly counters: WorkerCounters;
  /** The same array as before if nothing has changed. */
  readonly tables: readonly TableStatus[];
  /** Why tables are being copied again. */
  readonly notices: readonly IntegrationError[];
  /** What tables wait for at the source before they can be copied. */
  readonly obstacle: IntegrationError | undefined;
}

/** A table whose rows are being read for a copy. */
export interface TableCopy extends CopyMeasure {
  readonly schema: string;
  readonly table: string;
}

/** Since the worker started. */
export interface WorkerCounters {
  readonly changes: number;
  readonly transactions: number;
  readonly copiedRows: number;
  readonly bytesRead: number;
  readonly batches: number;
}

const log = logger("worker");
const retryDelay = { firstMs: 250, mostMs: 15_000 };
// An error that only a person can fix is retried from time to time, so that fixing it is enough.
const connectPatienceMs = 30_000;
const personDelay = { firstMs: 5_000, mostMs: 60_000 };

/** Statuses of tables, and the input from which they were computed. */
interface Told {
  readonly tables: readonly TableMeasure[];
  readonly copies: string;
  readonly statuses: readonly TableStatus[];
}

/** Minimum time for which a notice is shown. */
const noticeMs = 5_000;

interface Notice {
  readonly error: IntegrationError;
  readonly atMs: number;
}

/** What is open while a stream runs. */
interface Running {
  readonly source: Source;
  readonly database: DestinationDatabase;
  /** Aborted when it no longer runs. */
  readonly ended: AbortSignal;
}

/**
 * Runs one stream: opens source and destination database, moves changes, and restarts from the target's checkpoint
 * whenever something fails.
 *
 * ```
 * connecting ─▶ copying | streaming ─ error ─▶ retrying ─ wait ─▶ connecting …
 *                     └─ one table failed: recorded at the target, then connecting at once without it
 * ```
 */
export class Worker implements AsyncDisposable {
  readonly request: WorkerRequest;
  readonly #stop = new AbortController();
  readonly #work: Promise<void>;
  readonly #lag = new Lag();
  readonly #listeners = new Set<() => void>();
  readonly #commitListeners = new Set<() => void>();
  /** Started copies and failed tables that were read but that the target has not committed. */
  #copiesUncommitted = 0;
  #copiesApplied = 0;
  readonly #suspects = new Suspects();
  #obstacle: IntegrationError | undefined;
  readonly #notices = new Map<string, Notice>();
  #phase: Exclude<WorkerPhase, { kind: "copying" }> = { kind: "connecting" };
  #running: Running | undefined;
  #engineVersion: string | undefined;
  #tables: readonly TableMeasure[] = [];
  #told: Told | undefined;
  #failures = 0;
  #counters = { changes: 0, transactions: 0, copiedRows: 0, batches: 0, bytesReadBefore: 0 };

  private constructor(request: WorkerRequest) {
    this.request = request;
    this.#work = this.#run();
  }

  /** Runs until disposed of. */
  static start(request: WorkerRequest): Worker {
    return new Worker(request);
  }

  /** Called when the phase or a table's state changed. Returns a function that removes the listener. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async health(): Promise<WorkerHealth> {
    const { stream, destinationDatabase } = this.request;
    const running = this.#running;
    // Before the tables are read: a copy that starts in the meantime must be missing from neither.
    const measures = running?.source.measures();
    const reach = running?.source.reach();
    this.#lag.reach(reach);
    const uncommitted = this.#copiesUncommitted;
    if (running !== undefined) this.#tables = await running.database.tables();
    const { bytesReadBefore, ...counters } = this.#counters;
    const phase = this.#visiblePhase();
    const copiesWaiting =
      measures?.copiesWaiting === undefined ? undefined : measures.copiesWaiting.size + uncommitted;
    if (phase.kind === "streaming" && copiesWaiting === 0) this.#forgetNotices();
    return {
      phase,
      sourceDatabase: stream.database,
      destinationDatabase,
      lagSeconds: this.#lag.seconds(Date.now()),
      stall: reach?.stall,
      newestCommits: this.#lag.newest(),
      engineVersion: this.#engineVersion,
      retainedBytes: measures?.retainedBytes,
      copiesWaiting,
      copies: this.#tableCopies(measures?.copies),
      counters: { ...counters, bytesRead: bytesReadBefore + (measures?.bytesRead ?? 0) },
      tables: this.#tableStatuses(measures?.copiesWaiting),
      notices: [...this.#notices.values()].map(({ error }) => error),
      obstacle: this.#obstacle,
    };
  }

  /** Compares every synced table of source and warehouse at one position. Throws `CodedError` if it cannot. */
  async verify(signal: AbortSignal): Promise<readonly TableVerification[]> {
    const { ended, ...running } = await this.#streaming(signal);
    const onChange = (listener: () => void) => {
      this.#commitListeners.add(listener);
      return () => this.#commitListeners.delete(listener);
    };
    using either = new LinkedAbort(signal, ended);
    try {
      return await verifyStream({ ...running, onChange }, either.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!ended.aborted) throw error;
      throw new CodedError("SOURCE_UNREACHABLE", "The stream stopped while it was compared; try again.");
    }
  }

  /** Waits for a stream that has just begun to connect. */
  async #streaming(signal: AbortSignal): Promise<Running> {
    using patience = new Deadline(connectPatienceMs, signal);
    const look = () => (this.#phase.kind === "streaming" ? this.#running : undefined);
    try {
      return await waitFor({ look, onChange: (listener) => this.onChange(listener) }, patience.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!patience.isPast) throw error;
      throw new CodedError(
        "SOURCE_UNREACHABLE",
        "The stream does not run now, so there is nothing to compare.",
      );
    }
  }

  /** The running apply finishes; slot and publication stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the worker was stopped"));
    await this.#work;
  }

  async #run(): Promise<void> {
    const stop = this.#stop.signal;
    let failed: TableError | undefined;
    while (!stop.aborted) {
      try {
        await this.#attempt(failed, stop);
      } catch (error) {
        if (stop.aborted) break;
        releaseFrames(error);
        failed = this.#failedTable(error);
        if (failed === undefined) await this.#waitAfter(error, stop);
      }
    }
  }

  #failedTable(error: unknown): TableError | undefined {
    if (error instanceof TableError) return error;
    return error instanceof SuspectError ? this.#suspects.evaluate(error, Date.now()) : undefined;
  }

  /** Ends only by throwing. `failed`: a table to be recorded as failed first. */
  async #attempt(failed: TableError | undefined, stop: AbortSignal): Promise<never> {
    const { warehouse, destinationDatabase, stream, source: engine } = this.request;
    const { sourceArn, spoolDirectory, dataKey, catalogPollMs, nextEpoch } = this.request;
    this.#enter({ kind: "connecting" });
    using opening = new Opening(stop, (error) => this.#overdue(error));
    const { signal } = opening;
    const identity = { integrationId: stream.integrationId, sourceDatabase: stream.database };
    const epoch = await nextEpoch();
    const wanted = { name: destinationDatabase, stream: identity, source: sourceArn, epoch };
    await using database = await warehouse.database(wanted, stop);
    if (failed !== undefined) await recordFailure(database, failed);
    // The target's contents can be reported while the source is unavailable.
    this.#tables = await database.tables();
    const progress = database.progress();
    const notice = (error: IntegrationError) =>
      this.#notices.set(error.code, { error, atMs: performance.now() });
    const onVersion = (version: string) => (this.#engineVersion = version);
    this.#meet(undefined);
    const onWait = (obstacle: IntegrationError | undefined) => this.#meet(obstacle);
    await using source = await engine.open(
      { ...stream, progress, spoolDirectory, dataKey, catalogPollMs, onVersion, notice, onWait },
      signal,
    );
    opening.done();
    const end = new AbortController();
    this.#running = { source, database, ended: end.signal };
    this.#copiesUncommitted = 0;
    this.#copiesApplied = 0;
    this.#enter({ kind: "streaming" });
    log.info(
      {
        integration: stream.integrationId,
        database: stream.database,
        destinationDatabase,
        position: progress.checkpoint,
      },
      progress.checkpoint === undefined
        ? "The stream is connected and begins with a copy of the tables"
        : "The stream is connected and continues after what the warehouse holds",
    );
    try {
      return await runPipeline(
        {
          source,
          target: database,
          onRead: (block) => this.#read(block, source),
          onApplied: (delta) => this.#applied(delta),
          onCopied: (delta) => this.#count(delta),
        },
        signal,
      );
    } finally {
      this.#tables = await database.tables().catch(() => this.#tables);
      this.#running = undefined;
      this.#lag.reach(source.reach());
      this.#lag.reach(undefined);
      end.abort(new Error("the stream ended"));
      this.#counters.bytesReadBefore += source.measures().bytesRead;
    }
  }

  #read(block: Block, source: Source): void {
    this.#lag.read(block.cuts);
    this.#lag.reach(source.reach());
    this.#copiesUncommitted += block.events.filter(beginsOrFails).length;
  }

  #applied(delta: Delta): void {
    const events = delta.steps.flatMap((step) => (step.kind === "event" ? [step.event] : []));
    this.#copiesApplied += events.filter(beginsOrFails).length;
    this.#counters.transactions += delta.transactions;
    this.#count(delta);
    if (delta.checkpoint === undefined) return;
    this.#copiesUncommitted -= this.#copiesApplied;
    this.#copiesApplied = 0;
    this.#lag.applied(delta, Date.now());
    for (const listener of this.#commitListeners) listener();
    if (events.length > 0) this.#changed();
  }

  #count({ changes, copiedRows }: Delta): void {
    this.#failures = 0;
    this.#counters.batches += 1;
    this.#counters.changes += changes - copiedRows;
    this.#counters.copiedRows += copiedRows;
  }

  async #waitAfter(error: unknown, stop: AbortSignal): Promise<void> {
    this.#failures += 1;
    const coded = error instanceof CodedError ? error : undefined;
    const needsPerson = coded !== undefined && !coded.retry;
    const waitMs = backoffMs(this.#failures, needsPerson ? personDelay : retryDelay);
    const { stream } = this.request;
    log.warn(
      { integration: stream.integrationId, database: stream.database, code: coded?.code, err: error, waitMs },
      "The stream stopped and will be tried again",
    );
    const code = coded?.code ?? "TARGET_FAILED";
    const message = coded === undefined ? messageOf(error) : withFix(coded.message, coded.fix);
    const nextAttemptAt = new Date(Date.now() + waitMs);
    this.#enter({ kind: "retrying", error: { code, message }, nextAttemptAt, needsPerson });
    await pause(waitMs, stop).catch(() => {});
  }

  #overdue({ code, message, fix }: CodedError): void {
    const { stream } = this.request;
    log.error({ integration: stream.integrationId, database: stream.database, code }, message);
    const error = { code, message: withFix(message, fix) };
    this.#enter({ kind: "retrying", error, nextAttemptAt: undefined, needsPerson: false });
  }

  #meet(obstacle: IntegrationError | undefined): void {
    if (obstacle?.message === this.#obstacle?.message) return;
    if (obstacle !== undefined) log.warn({ code: obstacle.code }, obstacle.message);
    this.#obstacle = obstacle;
    this.#changed();
  }

  /** Every table has been copied. Notices that were brief are still shown for the minimum time. */
  #forgetNotices(): void {
    for (const [code, { atMs }] of this.#notices)
      if (performance.now() - atMs > noticeMs) this.#notices.delete(code);
  }

  #enter(phase: Exclude<WorkerPhase, { kind: "copying" }>): void {
    // While attempts fail, the error stays visible: "connecting" would hide it half of the time.
    this.#phase =
      phase.kind === "connecting" && this.#phase.kind === "retrying"
        ? { ...this.#phase, nextAttemptAt: undefined }
        : phase;
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #visiblePhase(): WorkerPhase {
    const copying = this.#tables.some(
      ({ record: { phase } }) => phase.kind === "copying" || phase.kind === "copied",
    );
    return this.#phase.kind === "streaming" && copying ? { kind: "copying" } : this.#phase;
  }

  #tableCopies(copies: SourceMeasures["copies"] = new Map()): TableCopy[] {
    if (copies.size === 0) return [];
    return this.#tables.flatMap(({ record: { definition } }) => {
      const measure = copies.get(definition.id);
      return measure === undefined ? [] : [{ ...definition.name, ...measure }];
    });
  }

  /** The same array as before while the tables are unchanged. */
  #tableStatuses(waiting: ReadonlySet<string> = new Set()): readonly TableStatus[] {
    const tables = this.#tables;
    const copies = [...waiting].join();
    if (this.#told?.tables !== tables || this.#told.copies !== copies)
      this.#told = { tables, copies, statuses: tables.map((table) => this.#tableStatus(table, waiting)) };
    return this.#told.statuses;
  }

  /** `waiting`: tables that are about to be copied, although the target only knows that they failed. */
  #tableStatus({ record, ...count }: TableMeasure, waiting: ReadonlySet<string>): TableStatus {
    const { phase, definition } = record;
    const reason = phase.kind === "failed" ? reasonOf(phase.reason) : undefined;
    const isMended = reason !== undefined && waiting.has(definition.id);
    return {
      sourceDatabase: this.request.stream.database,
      destinationDatabase: this.request.destinationDatabase,
      schema: definition.name.schema,
      table: definition.name.table,
      state: isMended ? "ResyncRequired" : stateName(phase),
      reason: isMended ? undefined : reason,
      ...count,
    };
  }
}

function reasonOf({ code, message, fix = fixOf(code) }: TableFailureReason): IntegrationError {
  return { code, message: withFix(message, fix) };
}

function beginsOrFails({ kind }: TableEvent): boolean {
  return kind === "copy-started" || kind === "failed";
}

async function recordFailure(database: DestinationDatabase, failed: TableError): Promise<void> {
  const { code, message, table, fix } = failed;
  assert(message.length > 0, "a failed table has a reason");
  log.warn({ code, table: `${table.name.schema}.${table.name.table}` }, "A table failed and is left out");
  await database.failTable(table, { code, message, ...(fix !== undefined && { fix }) });
}
