import { present } from "../../base/assert.ts";
import { fixOf } from "../../base/errors.ts";
import type { EventPage, EventPageRequest } from "../../catalog/events/events.ts";
import type { IntegrationEvent } from "../../model/event.ts";
import type {
  CopyReport,
  DropOptions,
  EventLine,
  EventsOptions,
  IntegrationReport,
  OperatorPort,
  OrphanReport,
  QueryOptions,
  StatusOptions,
  StatusReport,
  StreamReport,
  VerificationLine,
} from "../../model/operator.ts";
import type { Integration, TableStatus } from "../../model/integration.ts";
import type { SourceResource, TargetResource } from "../../model/resources.ts";
import type { QueryResult, Warehouse, WarehouseDatabase } from "../../target/target.ts";
import type { QueryTurns } from "./query-turns.ts";
import type { Supervisor } from "../control/supervisor.ts";
import type { TableVerification } from "../stream/verify.ts";
import type { TableCopy, WorkerHealth } from "../stream/worker.ts";

export interface OperatorParts {
  readonly supervisor: Supervisor;
  readonly catalog: {
    readonly wanted: () => Promise<readonly { readonly integration: Integration }[]>;
    readonly tables: (integrationId: string) => Promise<readonly TableStatus[]>;
    readonly events: (request: EventPageRequest) => Promise<EventPage>;
  };
  /** The currently configured sources. */
  readonly sources: () => readonly SourceResource[];
  readonly targets: readonly (TargetResource & { readonly warehouse: Warehouse })[];
  readonly arnOf: (integrationId: string) => string;
  readonly queries: QueryTurns;
}

/** At most this many events are held at once, however many exist. */
const eventsHeld = 100;

/** Implements the commands of our own clients. */
export class Operator implements OperatorPort {
  readonly #parts: OperatorParts;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
  }

  async status({ integrationId, isVisible }: StatusOptions, signal: AbortSignal): Promise<StatusReport> {
    const { supervisor, catalog, sources, targets } = this.#parts;
    const wanted = await catalog.wanted();
    const running = new Map(
      (await supervisor.integrations()).map((view) => [view.integration.id, view.streams]),
    );
    const chosen = wanted.filter(
      ({ integration }) =>
        (integrationId === undefined || integration.id === integrationId) && isVisible(integration),
    );
    const reports = chosen.map(({ integration }) =>
      this.#report(integration, running.get(integration.id) ?? []),
    );
    return {
      sources: sources().map(({ name, engine, arn, database = null }) => ({ name, engine, arn, database })),
      targets: await Promise.all(
        targets.map(async ({ name, arn, warehouse }) => {
          const databases = await warehouse.databases(signal);
          const orphans = databases.flatMap((database) => this.#orphan(database));
          return { name, arn, databases: databases.map((database) => database.name), orphans };
        }),
      ),
      integrations: await Promise.all(reports),
    };
  }

  async query({ targetArn, sql, nested, keyId }: QueryOptions, signal: AbortSignal): Promise<QueryResult> {
    const warehouse = this.#warehouse(targetArn);
    return this.#parts.queries.run(keyId, signal, (stop) => warehouse.query(sql, stop, nested));
  }

  async dropDatabase({ targetArn, name }: DropOptions, signal: AbortSignal): Promise<void> {
    return this.#warehouse(targetArn).dropDatabase(name, signal);
  }

  /** One line per table. Ends without a line for an integration that has no tables. */
  async *verify(integrationId: string, signal: AbortSignal): AsyncGenerator<VerificationLine> {
    for await (const stream of this.#parts.supervisor.verify(integrationId, signal)) {
      const { sourceDatabase, destinationDatabase } = stream;
      for (const table of stream.tables)
        yield { sourceDatabase, destinationDatabase, ...table.name, ...verificationOf(table) };
    }
  }

  /** The events from `since` until now, oldest first. */
  async *events(
    { integrationId, since, isVisible }: EventsOptions,
    signal: AbortSignal,
  ): AsyncGenerator<EventLine> {
    const { catalog, arnOf } = this.#parts;
    const range = { integrationId, from: since, limit: eventsHeld };
    let after: number | undefined;
    do {
      signal.throwIfAborted();
      const page = await catalog.events({ ...range, after });
      for (const event of page.events)
        if (await isVisible(event.integrationId)) yield eventLine(event, arnOf(event.integrationId));
      after = page.next;
    } while (after !== undefined);
  }

  #warehouse(targetArn: string): Warehouse {
    const target = this.#parts.targets.find(({ arn }) => arn === targetArn);
    return present(target, "the API knows the targets that are configured").warehouse;
  }

  #orphan(database: WarehouseDatabase): OrphanReport[] {
    if (database.kind !== "orphan") return [];
    const { name, origin } = database;
    if (origin === undefined) return [{ name, source: null, sourceDatabase: null }];
    return [{ name, source: this.#sourceName(origin.source), sourceDatabase: origin.sourceDatabase }];
  }

  #sourceName(sourceArn: string): string {
    return this.#parts.sources().find(({ arn }) => arn === sourceArn)?.name ?? sourceArn;
  }

  async #report(integration: Integration, streams: readonly WorkerHealth[]): Promise<IntegrationReport> {
    const { catalog, targets, arnOf } = this.#parts;
    const { id, name, status, errors, sourceArn, targetArn, dataFilter, createdAt } = integration;
    const copies = new Map(
      streams.flatMap(({ sourceDatabase, copies: found }) =>
        found.map((copy) => [nameOf({ sourceDatabase, ...copy }), copy] as const),
      ),
    );
    const live = streams.flatMap(({ tables }) => tables);
    // While streams connect, only the last report is known.
    const known = live.length > 0 ? live : await catalog.tables(id);
    // Kept as a record of former tables; there is nothing to report about them.
    const tables = known.filter(({ state }) => state !== "Deleted");
    return {
      id,
      name,
      arn: arnOf(id),
      status,
      source: this.#sourceName(sourceArn),
      target: targets.find(({ arn }) => arn === targetArn)?.name ?? targetArn,
      dataFilter,
      createdAt: createdAt.toISOString(),
      errors: errors.map(({ code, message }) => ({ code, message })),
      streams: streams.map(streamReport),
      tables: tables.map((table) => ({
        ...table,
        reason: table.reason ?? null,
        copy: copyReport(copies.get(nameOf(table))),
      })),
    };
  }
}

function eventLine(event: IntegrationEvent, arn: string): EventLine {
  const { uuid, at, id, severity, category, integrationName, status, statusCode, message } = event;
  return {
    id: uuid,
    at: at.toISOString(),
    eventId: id,
    severity,
    category,
    integration: integrationName,
    arn,
    status,
    statusCode,
    message,
  };
}

function streamReport(health: WorkerHealth): StreamReport {
  const { phase, stall, sourceDatabase, destinationDatabase, counters } = health;
  return {
    sourceDatabase,
    destinationDatabase,
    phase: stall === undefined ? phase.kind : "stalled",
    stalledAt: stall === undefined ? null : new Date(stall.sinceMs).toISOString(),
    cause: stall?.cause ?? null,
    nextAttemptAt: phase.kind === "retrying" ? (phase.nextAttemptAt?.toISOString() ?? null) : null,
    lagSeconds: health.lagSeconds ?? null,
    retainedBytes: health.retainedBytes ?? null,
    copiesWaiting: health.copiesWaiting ?? null,
    ...counters,
  };
}

function nameOf({
  sourceDatabase,
  schema,
  table,
}: Pick<TableStatus, "sourceDatabase" | "schema" | "table">): string {
  return JSON.stringify([sourceDatabase, schema, table]);
}

function copyReport(copy: TableCopy | undefined): CopyReport | null {
  if (copy === undefined) return null;
  const { bytesRead, bytes, bytesPerSecond } = copy;
  return {
    bytesRead,
    bytes,
    bytesPerSecond: bytesPerSecond ?? null,
    secondsLeft: bytesPerSecond === undefined ? null : (bytes - bytesRead) / bytesPerSecond,
  };
}

function verificationOf(table: TableVerification) {
  switch (table.kind) {
    case "equal":
      return { result: "equal", rows: table.digest.rows, hash: table.digest.hash } as const;
    case "different": {
      const { source, target } = table;
      return { result: "different", source: { ...source }, target: { ...target } } as const;
    }
    case "unreadable": {
      const { code, message, fix = fixOf(code) } = table.reason;
      return { result: "unreadable", code, reason: message, fix: fix ?? null } as const;
    }
    case "skipped":
      return { result: "skipped", state: table.state, reason: table.reason ?? null } as const;
  }
}
