import { present } from "../../base/assert.ts";
import { eventCategories, type EventCategory, type IntegrationEvent } from "../../model/event.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { StructureShape, ValueOf } from "../../wire/aws/shape.ts";
import { anywhere } from "../access/permission.ts";
import { visibleEvents } from "../access/visible-page.ts";
import { action } from "../action.ts";
import type { ApiOptions } from "../options.ts";
import { integrationArn, lookupKey } from "../protocol/arn.ts";
import { pageEnd, pageLimit, pageStart, within } from "../protocol/list-page.ts";
import type { ListQuery } from "../protocol/marker.ts";
import { anyString, listOf, marker } from "../protocol/shape-parts.ts";
import { checkSourceType, integrationSourceType } from "./event-source-types.ts";
import { eventCategoryList, filteredPage } from "./shapes.ts";

/** As long as events are kept. */
const minutes = { min: 1, max: 14 * 24 * 60, default: 60 } as const;

const inputShape = {
  kind: "structure",
  required: {},
  optional: {
    SourceIdentifier: anyString,
    SourceType: anyString,
    StartTime: { kind: "timestamp" },
    EndTime: { kind: "timestamp" },
    Duration: { kind: "integer" },
    EventCategories: eventCategoryList,
    ...filteredPage,
  },
} as const satisfies StructureShape;

const eventShape = {
  kind: "structure",
  required: {
    SourceIdentifier: anyString,
    SourceType: anyString,
    Message: anyString,
    EventCategories: eventCategoryList,
    Date: { kind: "timestamp" },
    SourceArn: anyString,
  },
  optional: {},
} as const satisfies StructureShape;

type Input = ValueOf<typeof inputShape>;

/** The events of integrations, oldest first. `Filters` is ignored, as its documentation says. */
export const describeEvents = action({
  name: "DescribeEvents",
  input: inputShape,
  output: {
    kind: "structure",
    required: { Events: listOf(eventShape, "Event", 100) },
    optional: { Marker: marker },
  },
  permission: anywhere("rds:DescribeEvents"),
  handle: async (input, call) => {
    const { SourceIdentifier: identifier, SourceType: sourceType, EventCategories: names } = input;
    const limit = pageLimit(input);
    checkSource(input);
    const query = queryOf(input);
    const start = pageStart(call, input, query);
    const { after, fromMs, toMs } =
      start === undefined ? { after: undefined, ...windowOf(input, call.now().getTime()) } : placeOf(start);
    if (sourceType !== undefined && sourceType !== integrationSourceType) return { Events: [] };
    const integrationId = identifier === undefined ? undefined : await idOf(call, identifier);
    const page = await visibleEvents(call, "rds:DescribeEvents", {
      after,
      limit,
      from: new Date(fromMs),
      to: new Date(toMs),
      integrationId,
      categories: names === undefined ? undefined : categoriesOf(names),
    });
    return {
      Events: page.events.map((event) => eventOutput(call, event)),
      Marker: pageEnd(call, page.next === undefined ? undefined : [page.next, fromMs, toMs].join(" "), query),
    };
  },
});

/** The message ends with the event's number, for which the service model has no member. */
function eventOutput(options: ApiOptions, event: IntegrationEvent): ValueOf<typeof eventShape> {
  return {
    SourceIdentifier: event.integrationId,
    SourceType: integrationSourceType,
    Message: `${event.message} (${event.id})`,
    EventCategories: [event.category],
    Date: event.at,
    SourceArn: integrationArn(options, event.integrationId),
  };
}

function checkSource({ SourceIdentifier, SourceType }: Input): void {
  if (SourceIdentifier !== undefined && SourceType === undefined)
    throw new AwsError(
      "InvalidParameterCombination",
      "SourceType must be provided when SourceIdentifier is provided.",
    );
  checkSourceType(SourceType);
}

interface Window {
  /** Both ends are inclusive. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** A marker contains the window of the first page: "the last hour" would move from page to page. */
function placeOf(place: string): Window & { readonly after: number } {
  const [after, fromMs, toMs] = place.split(" ").map(Number);
  const invariant = "markers of events hold three numbers";
  return {
    after: present(after, invariant),
    fromMs: present(fromMs, invariant),
    toMs: present(toMs, invariant),
  };
}

/**
 * `Duration` extends back from the end, or forward from `StartTime`. The default start is an hour before the end, and
 * the default end is the last event: "until now" would omit events from before a clock was set back.
 */
function windowOf({ StartTime, EndTime, Duration }: Input, nowMs: number): Window {
  if (StartTime !== undefined && EndTime !== undefined && Duration !== undefined)
    throw new AwsError(
      "InvalidParameterCombination",
      "Duration cannot be used together with both StartTime and EndTime.",
    );
  const durationMs = within("Duration", Duration, minutes) * 60_000;
  const start = StartTime?.getTime();
  const end =
    EndTime?.getTime() ?? (start === undefined || Duration === undefined ? undefined : start + durationMs);
  const from = start ?? (end ?? nowMs) - durationMs;
  if (from > (end ?? nowMs))
    throw new AwsError(
      "InvalidParameterCombination",
      EndTime === undefined
        ? "StartTime must not be in the future."
        : "EndTime must not be before StartTime.",
    );
  return { fromMs: withinTime(from), toMs: withinTime(end ?? endOfTimeMs) };
}

const endOfTimeMs = Date.parse("9999-12-31T23:59:59.999Z");

/** A marker cannot contain a time before 1970, when no events existed, and the catalog accepts none after year 9999. */
function withinTime(ms: number): number {
  return Math.min(Math.max(0, ms), endOfTimeMs);
}

function queryOf(input: Input): ListQuery {
  const { SourceIdentifier, SourceType, EventCategories, StartTime, EndTime, Duration } = input;
  const times = [StartTime?.toISOString(), EndTime?.toISOString(), Duration?.toString()];
  return ["events", SourceIdentifier, SourceType, EventCategories, ...times];
}

/**
 * By uuid, ARN or name. A name refers to its current integration, else to the last one that had it; an unknown uuid may
 * have events of an integration that no longer exists. DescribeEvents has no fault for a missing resource: it has no
 * events.
 */
async function idOf(options: ApiOptions, identifier: string): Promise<string> {
  const key = lookupKey(options, identifier) ?? identifier;
  const integration = await options.catalog.find(key);
  return integration?.id ?? (await options.catalog.lastOfName(key)) ?? key.toLowerCase();
}

function categoriesOf(names: readonly string[]): EventCategory[] {
  return eventCategories.filter((category) => names.includes(category));
}
