import type { EventPage, EventPageRequest } from "../../catalog/events/events.ts";
import type { Page, PageRequest } from "../../catalog/integrations/read.ts";
import type { Integration } from "../../model/integration.ts";
import type { IntegrationEvent } from "../../model/event.ts";
import { mayTellOf } from "./authorization.ts";
import type { Call } from "../options.ts";

// A page of what the caller may see is as long as without the others, so that it does not tell of them.

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

/** `action`: as whose answer the events go to the caller. */
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

/** Whether the caller may be told of events of an integration, which may be gone and then has no tags any more. */
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
