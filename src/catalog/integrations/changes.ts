import { randomUUID } from "node:crypto";
import { sql, type Insertable } from "kysely";
import { messageOf } from "../../base/errors.ts";
import { Listeners } from "../../base/listeners.ts";
import { logger } from "../../base/log.ts";
import {
  eventAgeMsMax,
  eventCatalogue,
  type EventSeverity,
  type IntegrationEvent,
} from "../../model/event.ts";
import type { Integration } from "../../model/integration.ts";
import type { CatalogDatabase } from "../store/database.ts";
import { eventOf } from "../events/events.ts";
import type { Happening } from "../events/happenings.ts";
import type { EventsTable } from "../store/schema.ts";
import { storableText } from "../store/storable.ts";

/** If an integration has more, the older ones are dropped early, so that a flapping source cannot fill the disk. */
export const eventsOfOneMax = 10_000;

const messageCharactersMax = 2_000;

/** Records what happened to an integration within a transaction. `integration` is its state afterwards. */
export type Tell = (integration: Integration, happenings: readonly Happening[]) => void;

export interface ChangesOptions {
  readonly db: CatalogDatabase;
  readonly now: () => Date;
  /** Whether new events will be delivered and marked as delivered. */
  readonly deliversEvents: boolean;
}

const log = logger("event");

/**
 * Makes every change of an integration, in one transaction with the events that record it, so that neither exists
 * without the other. After the commit, events are logged and listeners notified.
 */
export class Changes {
  readonly #options: ChangesOptions;
  readonly #listeners = new Listeners((error) =>
    log.error({ reason: messageOf(error) }, "a listener for events failed"),
  );

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  async transaction<T>(work: (tx: CatalogDatabase, tell: Tell) => Promise<T>): Promise<T> {
    const { result, events } = await this.#options.db.transaction().execute(async (tx) => {
      const told: Insertable<EventsTable>[] = [];
      const tell: Tell = (integration, happenings) =>
        told.push(...happenings.map((happening) => this.#row(integration, happening)));
      const done = await work(tx, tell);
      // Last of all: a transaction that holds the lock on events waits for nothing else.
      return { result: done, events: told.length === 0 ? [] : await this.#write(tx, told) };
    });
    if (events.length > 0) this.#announce(events);
    return result;
  }

  /**
   * Calls back after events were committed in this process. This is only a hint. Returns a function that stops the
   * calls.
   */
  onEvent(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  #row(
    { id, name, sourceArn, targetArn }: Integration,
    { kind, status, statusCode, detail }: Happening,
  ): Insertable<EventsTable> {
    const { id: eventId, severity, category, sentence } = eventCatalogue[kind];
    const message = detail === undefined ? `${sentence}.` : `${sentence}: ${detail}`;
    return {
      uuid: randomUUID(),
      integration_id: id,
      integration_name: name,
      source_arn: sourceArn,
      target_arn: targetArn,
      event_id: eventId,
      severity,
      category,
      status,
      status_code: statusCode,
      message: storableText(message.slice(0, messageCharactersMax)),
      created_at: this.#options.now(),
      is_pending: this.#options.deliversEvents,
    };
  }

  async #write(tx: CatalogDatabase, rows: readonly Insertable<EventsTable>[]): Promise<IntegrationEvent[]> {
    // One at a time, so that ordinals become visible in order: a reader that has seen one has seen all earlier ones.
    await tx.selectFrom("settings").select("key").where("key", "=", "events").forUpdate().execute();
    const written = await tx.insertInto("events").values(rows).returningAll().execute();
    for (const id of new Set(rows.map((row) => row.integration_id))) await this.#prune(tx, id);
    return written.map(eventOf);
  }

  /** Each insert removes old events: no separate job is needed, and nothing grows while nothing happens. */
  async #prune(tx: CatalogDatabase, integrationId: string): Promise<void> {
    const oldest = new Date(this.#options.now().getTime() - eventAgeMsMax);
    const { rows } = await sql<{ is_pending: boolean }>`
      DELETE FROM zeroetl.events WHERE created_at < ${oldest} OR integration_id = ${integrationId} AND ordinal <= (
        SELECT ordinal FROM zeroetl.events WHERE integration_id = ${integrationId}
        ORDER BY ordinal DESC OFFSET ${eventsOfOneMax} LIMIT 1)
      RETURNING is_pending`.execute(tx);
    const lost = rows.filter((row) => row.is_pending).length;
    if (lost > 0) log.warn({ events: lost }, "Events were discarded because they were not delivered in time");
  }

  #announce(events: readonly IntegrationEvent[]): void {
    for (const event of events) {
      const { id, severity, integrationId, integrationName, status, statusCode, message } = event;
      log[levels[severity]](
        { event: id, integration: integrationId, name: integrationName, status, statusCode, text: message },
        "Something happened to an integration",
      );
    }
    this.#listeners.tell();
  }
}

const levels = { Info: "info", Warning: "warn", Error: "error" } as const satisfies Record<
  EventSeverity,
  string
>;
