import { present } from "../../base/assert.ts";
import { eventCategories, type EventCategory, type IntegrationEvent } from "../../model/event.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { ValueOf } from "../../wire/aws/shape.ts";
import { integrationArn, lookupKey } from "../protocol/arn.ts";
import { pageEnd, pageLimit, pageStart, within } from "../protocol/list-page.ts";
import type { ListQuery } from "../protocol/marker.ts";
import type { ApiOptions, Call } from "../options.ts";
import type { shapes } from "./integration-shapes.ts";
import { visibleEvents } from "../access/visible-page.ts";

type Input = ValueOf<typeof shapes.DescribeEvents.input>;
type Output = ValueOf<typeof shapes.DescribeEvents.output>;
type EventOutput = Output["Events"][number];
type CategoriesInput = ValueOf<typeof shapes.DescribeEventCategories.input>;
type CategoriesOutput = ValueOf<typeof shapes.DescribeEventCategories.output>;

/** As long as events are kept. */
const minutes = { min: 1, max: 14 * 24 * 60, default: 60 } as const;

const ours = "zero-etl";

/** The service model's source types; only integrations exist here. */
const sourceTypes: ReadonlySet<string> = new Set([
  "db-instance",
  "db-parameter-group",
  "db-security-group",
  "db-snapshot",
  "db-cluster",
  "db-cluster-snapshot",
  "custom-engine-version",
  "db-proxy",
  "blue-green-deployment",
  "db-shard-group",
  ours,
]);

/** The events of integrations, oldest first. `Filters` is ignored, as its documentation says. */
export async function describeEvents(input: Input, call: Call): Promise<Output> {
  const { SourceIdentifier: identifier, SourceType: sourceType, EventCategories: names } = input;
  const limit = pageLimit(input);
  checkSource(identifier, sourceType);
  const query = queryOf(input);
  const start = pageStart(call, input, query);
  const { after, fromMs, toMs } =
    start === undefined ? { after: undefined, ...windowOf(input, call.now().getTime()) } : placeOf(start);
  if (sourceType !== undefined && sourceType !== ours) return { Events: [] };
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
}

export async function describeEventCategories({ SourceType }: CategoriesInput): Promise<CategoriesOutput> {
  checkSource(undefined, SourceType);
  const isAsked = SourceType === undefined || SourceType === ours;
  return { EventCategoriesMapList: isAsked ? [{ SourceType: ours, EventCategories: eventCategories }] : [] };
}

/** The message ends with the event's number, for which the service model has no member. */
function eventOutput(options: ApiOptions, event: IntegrationEvent): EventOutput {
  return {
    SourceIdentifier: event.integrationId,
    SourceType: ours,
    Message: `${event.message} (${event.id})`,
    EventCategories: [event.category],
    Date: event.at,
    SourceArn: integrationArn(options, event.integrationId),
  };
}

function checkSource(identifier: string | undefined, sourceType: string | undefined): void {
  if (identifier !== undefined && sourceType === undefined)
    throw new AwsError(
      "InvalidParameterCombination",
      "SourceType must be provided when SourceIdentifier is provided.",
    );
  if (sourceType !== undefined && !sourceTypes.has(sourceType))
    throw new AwsError("InvalidParameterValue", `Invalid source type: ${sourceType.slice(0, 255)}`);
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
 * have events of an integration that no longer exists. Event operations have no fault for a missing resource: it has no
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
