import { sql, type Selectable } from "kysely";
import { eventAgeMsMax, type EventCategory, type IntegrationEvent } from "../../model/event.ts";
import type { CatalogDatabase } from "../store/database.ts";
import type { EventsTable } from "../store/schema.ts";

export interface EventPageRequest {
  /** The ordinal of the last event of the previous page; undefined for the first page. */
  readonly after: number | undefined;
  readonly limit: number;
  /** Both ends are inclusive. Without an end, it extends to the last event, regardless of changes to the clock. */
  readonly from: Date;
  readonly to?: Date | undefined;
  /** All integrations when absent. */
  readonly integrationId?: string | undefined;
  readonly categories?: readonly EventCategory[] | undefined;
}

export interface EventPage {
  readonly events: readonly IntegrationEvent[];
  /** The `after` of the next page; undefined when this is the last one. */
  readonly next: number | undefined;
}

/**
 * In the order in which they became visible. Whatever happens between pages of one request, an event is on exactly one
 * page if it existed at the first page, and on at most one if it did not.
 */
export async function readEvents(db: CatalogDatabase, request: EventPageRequest): Promise<EventPage> {
  const { after, limit, from, to, integrationId, categories } = request;
  let query = db
    .selectFrom("events")
    .selectAll()
    .where("created_at", ">=", from)
    .orderBy("ordinal")
    .limit(limit + 1);
  if (to !== undefined) query = query.where("created_at", "<=", to);
  if (after !== undefined) query = query.where("ordinal", ">", after);
  if (integrationId !== undefined) query = query.where("integration_id", "=", integrationId);
  if (categories !== undefined)
    query = query.where(sql<boolean>`category = ANY (${[...categories]}::text[])`);
  const rows = await query.execute();
  const events = rows.slice(0, limit).map(eventOf);
  return { events, next: rows.length > limit ? events.at(-1)?.ordinal : undefined };
}

/** The last integration with this name for which an event was recorded. */
export async function readLastOfName(db: CatalogDatabase, nameKey: string): Promise<string | undefined> {
  const row = await db
    .selectFrom("events")
    .select("integration_id")
    .where(sql<boolean>`lower(integration_name) = ${nameKey}`)
    .orderBy("ordinal", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.integration_id;
}

/** The first event of each integration that is not yet delivered, oldest first; at most `limit`. */
export async function readPending(
  db: CatalogDatabase,
  { limit, now }: { readonly limit: number; readonly now: Date },
): Promise<IntegrationEvent[]> {
  const rows = await db
    .selectFrom((inner) =>
      inner
        .selectFrom("events")
        .selectAll()
        .distinctOn("integration_id")
        .where("is_pending", "=", true)
        .where("created_at", ">=", new Date(now.getTime() - eventAgeMsMax))
        .orderBy("integration_id")
        .orderBy("ordinal")
        .as("heads"),
    )
    .selectAll()
    .orderBy("ordinal")
    .limit(limit)
    .execute();
  return rows.map(eventOf);
}

export async function writeTaken(db: CatalogDatabase, ordinal: number): Promise<void> {
  await db.updateTable("events").set({ is_pending: false }).where("ordinal", "=", ordinal).execute();
}

export function eventOf(row: Selectable<EventsTable>): IntegrationEvent {
  return {
    ordinal: row.ordinal,
    uuid: row.uuid,
    id: row.event_id,
    severity: row.severity,
    category: row.category,
    integrationId: row.integration_id,
    integrationName: row.integration_name,
    sourceArn: row.source_arn,
    targetArn: row.target_arn,
    status: row.status,
    statusCode: row.status_code,
    message: row.message,
    at: row.created_at,
  };
}
