import type { EventPage, EventPageRequest } from "../../catalog/events/events.ts";
import type { Page, PageRequest } from "../../catalog/integrations/read.ts";
import type { Integration } from "../../model/integration.ts";
import type { IntegrationEvent } from "../../model/event.ts";
import { mayTellOf } from "./authorization.ts";
import type { Call } from "../options.ts";

// Pages are filled up with visible records, so that their length does not reveal hidden ones.

export async function visibleIntegrations(
  call: Call,
  { after, limit, filter }: PageRequest,
  isVisible: (integration: Integration) => boolean,
): Promise<Page> {
  const integrations: Integration[] = [];
  let next = after;
  do {
    const page = await call.catalog.page({ after: next, limit: limit - integrations.length, filter });
    integrations.push(...page.integrations.filter(isVisible));
    next = page.next;
  } while (next !== undefined && integrations.length < limit);
  return { integrations, next };
}

/** `action`: the action whose response contains the events. */
export async function visibleEvents(
  call: Call,
  action: string,
  { limit, ...request }: EventPageRequest,
): Promise<EventPage> {
  const isVisible = eventVisibility(call, action);
  const events: IntegrationEvent[] = [];
  let next = request.after;
  do {
    const page = await call.catalog.events({ ...request, after: next, limit: limit - events.length });
    for (const event of page.events) if (await isVisible(event.integrationId)) events.push(event);
    next = page.next;
  } while (next !== undefined && events.length < limit);
  return { events, next };
}

/** Whether the caller may see events of an integration, which may no longer exist and then has no tags. */
export function eventVisibility(call: Call, action: string): (integrationId: string) => Promise<boolean> {
  const known = new Map<string, Promise<boolean>>();
  const look = async (id: string): Promise<boolean> =>
    mayTellOf(call, action, (await call.catalog.find(id)) ?? { id, tags: [] });
  return (id) => {
    const found = known.get(id) ?? look(id);
    known.set(id, found);
    return found;
  };
}
