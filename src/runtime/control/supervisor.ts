import { CodedError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { TaskGroup } from "../../base/task-group.ts";
import { Wake } from "../../base/wake.ts";
import type { Integration } from "../../model/integration.ts";
import { DestinationNames } from "../stream/destination-names.ts";
import { Epochs } from "../stream/epochs.ts";
import { Reconciler, type ReconcilerContext } from "./reconciler.ts";
import type { TableVerification } from "../stream/verify.ts";
import type { WorkerHealth } from "../stream/worker.ts";

/** An integration with its running streams, as of now. */
export interface IntegrationView {
  readonly integration: Integration;
  readonly streams: readonly WorkerHealth[];
}

/** The result of `verify` for one stream. */
export interface StreamVerification {
  readonly sourceDatabase: string;
  readonly destinationDatabase: string;
  readonly tables: readonly TableVerification[];
}

const log = logger("supervisor");
const lookEveryMs = 1000;

/**
 * Compares the catalog's desired state with what runs, whenever the desired state changes and every second: a missed
 * hint cannot cause drift. Each integration has its own reconciler, so that an unreachable source does not hold up the
 * others.
 */
export class Supervisor implements AsyncDisposable {
  readonly #context: ReconcilerContext;
  readonly #tasks = new TaskGroup();
  readonly #reconcilers = new Map<string, Reconciler>();
  readonly #stopListening: () => void;
  readonly #wake = new Wake();

  private constructor(context: ReconcilerContext) {
    this.#context = context;
    this.#stopListening = context.catalog.onDesiredChange(() => this.#wake.tell());
    this.#tasks.run((signal) => this.#supervise(signal));
  }

  static start(context: Omit<ReconcilerContext, "names" | "nextEpoch">): Supervisor {
    const names = [...context.warehouses].map(
      ([arn, warehouse]) => [arn, new DestinationNames(warehouse)] as const,
    );
    const epochs = new Epochs(context.catalog);
    return new Supervisor({ ...context, names: new Map(names), nextEpoch: () => epochs.next() });
  }

  /** Every integration, in catalog order. */
  async integrations(): Promise<IntegrationView[]> {
    const views = [...this.#reconcilers.values()].map(async (reconciler) => {
      const streamStatuses = [...reconciler.streams().values()].map((run) => run.status());
      const streams = (await Promise.all(streamStatuses)).map(({ health }) => health);
      return { integration: reconciler.integration, streams };
    });
    return Promise.all(views);
  }

  /** Compares the streams of an integration one after another. Throws `CodedError` if one cannot be compared. */
  async *verify(integrationId: string, signal: AbortSignal): AsyncGenerator<StreamVerification> {
    const reconciler = this.#reconcilers.get(integrationId);
    if (reconciler === undefined)
      throw new CodedError(
        "INTEGRATION_NOT_FOUND",
        "There is no such integration, or it has just been created.",
      );
    const runs = [...reconciler.streams().entries()];
    if (runs.length === 0)
      throw new CodedError(
        "SOURCE_UNREACHABLE",
        "Nothing runs for this integration; `zeroetl status` says why.",
      );
    for (const [sourceDatabase, run] of runs) {
      const { destinationDatabase } = run.request;
      yield { sourceDatabase, destinationDatabase, tables: await run.verify(signal) };
    }
  }

  /** Every worker finishes its current apply, and stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    await this.#tasks[Symbol.asyncDispose]();
    const reconcilers = [...this.#reconcilers.values()];
    this.#reconcilers.clear();
    const stops = await Promise.allSettled(
      reconcilers.map((reconciler) => reconciler[Symbol.asyncDispose]()),
    );
    const failures = stops.flatMap((stop) => (stop.status === "rejected" ? [stop.reason as unknown] : []));
    if (failures.length > 0) throw new AggregateError(failures, "Streams did not stop in order");
  }

  async #supervise(signal: AbortSignal): Promise<void> {
    for (;;) {
      this.#wake.begin();
      try {
        await this.#look();
      } catch (error) {
        signal.throwIfAborted();
        log.error({ err: error }, "The catalog could not be read");
      }
      await this.#wake.sleep(lookEveryMs, signal);
      signal.throwIfAborted();
    }
  }

  async #look(): Promise<void> {
    const wanted = await this.#context.catalog.wanted();
    const present = new Set(wanted.map(({ integration }) => integration.id));
    for (const desired of wanted) {
      const { id } = desired.integration;
      const reconciler = this.#reconcilers.get(id);
      if (reconciler === undefined) this.#reconcilers.set(id, Reconciler.start(this.#context, desired));
      else reconciler.desired(desired);
    }
    for (const [id, reconciler] of this.#reconcilers) {
      // Integrations leave the catalog only by `forget`, which their reconcilers call, and may be about to record.
      if (present.has(id) || !reconciler.isGone) continue;
      this.#reconcilers.delete(id);
      await reconciler[Symbol.asyncDispose]();
    }
  }
}
