import {
  DeleteIntegrationCommand,
  DescribeEventCategoriesCommand,
  DescribeEventsCommand,
  ModifyIntegrationCommand,
  paginateDescribeEvents,
  type DescribeEventsCommandInput,
  type Event,
} from "@aws-sdk/client-rds";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { idOf, RdsSession, refusal } from "../../../test/support/rds-session.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let session: RdsSession;
/** How far the API's clock is ahead of the one that events have their time from. */
let aheadMs = 0;

beforeAll(async () => {
  session = await RdsSession.start();
});

afterAll(async () => {
  await session[Symbol.asyncDispose]();
});

async function events(input: DescribeEventsCommandInput = {}): Promise<Event[]> {
  return (await session.rds.send(new DescribeEventsCommand(input))).Events ?? [];
}

async function eventsOf(SourceIdentifier: string, over: DescribeEventsCommandInput = {}): Promise<Event[]> {
  return events({ SourceIdentifier, SourceType: "zero-etl", ...over });
}

function numbers(found: readonly Event[]): (string | undefined)[] {
  return found.map(
    ({ Message }) => /\((?:REDSHIFT|ZEROETL)-INTEGRATION-EVENT-(\d{4})\)$/.exec(Message ?? "")?.[1],
  );
}

test("what happened to an integration can be read by its uuid, ARN and name", async () => {
  const integration = await session.active({ IntegrationName: "told" });
  const { IntegrationArn = "" } = integration;
  const id = idOf(integration);
  const found = await eventsOf(id);
  expect(found).toEqual([
    {
      SourceIdentifier: id,
      SourceType: "zero-etl",
      SourceArn: IntegrationArn,
      Message: "The integration is being created. (ZEROETL-INTEGRATION-EVENT-0001)",
      EventCategories: ["monitoring"],
      Date: expect.any(Date),
    },
    {
      SourceIdentifier: id,
      SourceType: "zero-etl",
      SourceArn: IntegrationArn,
      Message: "The integration was created and is active. (REDSHIFT-INTEGRATION-EVENT-0000)",
      EventCategories: ["monitoring"],
      Date: expect.any(Date),
    },
  ]);
  for (const name of [IntegrationArn, "told", "TOLD"]) expect(await eventsOf(name)).toEqual(found);
  expect(await events({ SourceType: "zero-etl" })).toEqual(expect.arrayContaining(found));
  expect(await events()).toEqual(expect.arrayContaining(found));
});

test("events of an integration that is gone stay, under its uuid, ARN and last name", async () => {
  const integration = await session.active({ IntegrationName: "going" });
  const { IntegrationArn = "" } = integration;
  await session.rds.send(
    new ModifyIntegrationCommand({ IntegrationIdentifier: "going", IntegrationName: "gone" }),
  );
  await session.rds.send(new DeleteIntegrationCommand({ IntegrationIdentifier: IntegrationArn }));
  await session.service.catalog.forget(idOf(integration));
  for (const name of [idOf(integration), IntegrationArn, "gone"])
    expect(numbers(await eventsOf(name))).toEqual(["0001", "0000", "0017", "0002", "0001"]);
  const again = await session.create({ IntegrationName: "gone" });
  expect((await eventsOf("gone")).map(({ SourceArn }) => SourceArn)).toEqual([again.IntegrationArn]);
});

test("categories narrow, and are described", async () => {
  const { IntegrationArn = "" } = await session.active();
  await session.rds.send(
    new ModifyIntegrationCommand({ IntegrationIdentifier: IntegrationArn, DataFilter: "include: a.b.*" }),
  );
  expect(numbers(await eventsOf(IntegrationArn, { EventCategories: ["operation"] }))).toEqual(["0016"]);
  expect(numbers(await eventsOf(IntegrationArn, { EventCategories: ["operation", "monitoring"] }))).toEqual([
    "0001",
    "0000",
    "0016",
  ]);
  expect(await eventsOf(IntegrationArn, { EventCategories: ["backup"] })).toEqual([]);
  const described = async (SourceType?: string) =>
    (await session.rds.send(new DescribeEventCategoriesCommand({ SourceType }))).EventCategoriesMapList;
  const all = [{ SourceType: "zero-etl", EventCategories: ["configuration", "monitoring", "operation"] }];
  expect(await described()).toEqual(all);
  expect(await described("zero-etl")).toEqual(all);
  expect(await described("db-instance")).toEqual([]);
  expect(await refusal(described("db"))).toMatchObject({ name: "InvalidParameterValue", status: 400 });
});

test("other kinds of sources have no events, and who is not there has none", async () => {
  expect(await events({ SourceType: "db-instance" })).toEqual([]);
  expect(await events({ SourceType: "db-instance", SourceIdentifier: "shop" })).toEqual([]);
  expect(await eventsOf("nobody")).toEqual([]);
  expect(await eventsOf("arn:aws:rds:eu-west-1:1:integration:00000000-0000-4000-8000-000000000000")).toEqual(
    [],
  );
  const Filters = [{ Name: "is ignored", Values: ["x"] }];
  expect(await events({ Filters })).toEqual(await events());
});

test("the window is the last hour, or what times and duration say", async () => {
  const { IntegrationArn = "" } = await session.create();
  const now = Date.now();
  const at = (ms: number): Date => new Date(now + ms);
  const count = async (over: DescribeEventsCommandInput): Promise<number> =>
    (await eventsOf(IntegrationArn, over)).length;
  expect(await count({})).toBe(1);
  expect(await count({ Duration: 14 * 24 * 60 })).toBe(1);
  expect(await count({ StartTime: at(-hourMs) })).toBe(1);
  expect(await count({ StartTime: at(-30 * dayMs) })).toBe(1);
  expect(await count({ StartTime: at(-2 * hourMs), Duration: 60 })).toBe(0);
  expect(await count({ StartTime: at(-2 * hourMs), Duration: 121 })).toBe(1);
  expect(await count({ EndTime: at(-hourMs) })).toBe(0);
  expect(await count({ EndTime: at(hourMs / 2) })).toBe(1);
  expect(await count({ EndTime: at(hourMs), Duration: 30 })).toBe(0);
  expect(await count({ EndTime: at(hourMs), Duration: 90 })).toBe(1);
  expect(await count({ StartTime: at(-dayMs), EndTime: at(dayMs) })).toBe(1);
  expect(await count({ StartTime: at(dayMs), EndTime: at(2 * dayMs) })).toBe(0);
  // An hour later, the year has five digits.
  expect(await count({ StartTime: new Date("9999-12-31T23:59:59Z"), Duration: 60 })).toBe(0);
});

test.each<[string, string, DescribeEventsCommandInput]>([
  ["an identifier without a type", "InvalidParameterCombination", { SourceIdentifier: "x" }],
  ["a type that nothing is of", "InvalidParameterValue", { SourceType: "integration" as "zero-etl" }],
  ["too few records", "InvalidParameterValue", { MaxRecords: 19 }],
  ["too many records", "InvalidParameterValue", { MaxRecords: 101 }],
  ["no duration", "InvalidParameterValue", { Duration: 0 }],
  ["more than is kept", "InvalidParameterValue", { Duration: 20_161 }],
  ["a marker of nobody", "InvalidParameterValue", { Marker: "AAAA" }],
  ["a start to come", "InvalidParameterCombination", { StartTime: new Date("2999-01-01T00:00:00Z") }],
  [
    "an end before the start",
    "InvalidParameterCombination",
    { StartTime: new Date("2026-01-02T00:00:00Z"), EndTime: new Date("2026-01-01T00:00:00Z") },
  ],
  [
    "start, end and duration",
    "InvalidParameterCombination",
    { StartTime: new Date(1), EndTime: new Date(2), Duration: 5 },
  ],
])("%s: %s", async (_, name, input) => {
  expect(await refusal(events(input))).toMatchObject({ name, status: 400 });
});

test("a marker continues its own list only, and its window does not move on", async () => {
  await using own = await RdsSession.start({ now: () => new Date(Date.now() + aheadMs) });
  const { IntegrationArn = "" } = await own.active();
  for (let index = 0; index < 23; index += 1)
    await own.rds.send(
      new ModifyIntegrationCommand({ IntegrationIdentifier: IntegrationArn, Description: `${index}` }),
    );
  const first = await own.rds.send(new DescribeEventsCommand({ MaxRecords: 20, Duration: 1 }));
  expect(first.Events).toHaveLength(20);
  aheadMs = 200_000;
  try {
    const next = { MaxRecords: 100, Duration: 1, Marker: first.Marker };
    const second = await own.rds.send(new DescribeEventsCommand(next));
    expect(second.Events).toHaveLength(5);
    expect(second.Marker).toBeUndefined();
    const nothing = await own.rds.send(new DescribeEventsCommand({ Duration: 1 }));
    expect(nothing.Events).toEqual([]);
    for (const other of [{ Duration: 2 }, { SourceType: "zero-etl" as const }, { Duration: undefined }])
      expect(await refusal(own.rds.send(new DescribeEventsCommand({ ...next, ...other })))).toMatchObject({
        name: "InvalidParameterValue",
      });
  } finally {
    aheadMs = 0;
  }
});

test("a clock that was set back hides nothing that has happened", async () => {
  await using own = await RdsSession.start({ now: () => new Date(Date.now() + aheadMs) });
  aheadMs = -200_000;
  try {
    await own.active();
    const { Events } = await own.rds.send(new DescribeEventsCommand({}));
    expect(Events).toHaveLength(2);
  } finally {
    aheadMs = 0;
  }
});

test("pages hold every event that was there exactly once, whatever is added meanwhile", async () => {
  await using own = await RdsSession.start();
  const names = await Promise.all([own.active(), own.active(), own.active()]);
  const add = async (count: number): Promise<void> => {
    const changes = Array.from({ length: count }, (_unused, index) => {
      const IntegrationIdentifier = names[index % 3]?.IntegrationArn;
      const Description = `${Math.random()}`;
      return own.rds.send(new ModifyIntegrationCommand({ IntegrationIdentifier, Description }));
    });
    await Promise.all(changes);
  };
  await add(60);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 20, max: 100 }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...names, undefined),
      async (pageSize, additions, only) => {
        // A new one for each list: the SDK writes its marker into it.
        const input = () =>
          only === undefined
            ? {}
            : { SourceIdentifier: only.IntegrationArn, SourceType: "zero-etl" as const };
        const there: string[] = [];
        for await (const page of paginateDescribeEvents({ client: own.rds }, input()))
          there.push(...(page.Events ?? []).map(keyOf));
        const seen: string[] = [];
        for await (const page of paginateDescribeEvents({ client: own.rds, pageSize }, input())) {
          seen.push(...(page.Events ?? []).map(keyOf));
          await add(additions[seen.length % additions.length] ?? 1);
        }
        expect(seen.slice(0, there.length)).toEqual(there);
      },
    ),
    { numRuns: 8 },
  );
});

/** Descriptions are random, but no message names them: time and source tell events apart well enough in order. */
function keyOf({ Date: at, SourceArn, Message }: Event): string {
  return `${at?.toISOString()} ${SourceArn} ${Message}`;
}
