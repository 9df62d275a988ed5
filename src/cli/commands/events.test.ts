import { ModifyIntegrationCommand, paginateDescribeEvents, type Event } from "@aws-sdk/client-rds";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { run, type CommandResult } from "../../../test/support/command.ts";
import { freePort } from "../../../test/support/postgres.ts";
import { ServiceProcess } from "../../../test/support/service.ts";
import { TemporaryDirectory } from "../../../test/support/temporary.ts";
import { until } from "../../../test/support/until.ts";
import { eventText } from "./events.ts";
import { openTerminal } from "../terminal.ts";
import type { EventLine } from "../../model/operator.ts";

// Programs are built and started, a whole service among them.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

/** More than the service holds at once, and than DescribeEvents has on a page. */
const modifications = 120;

let directory: TemporaryDirectory;
let service: ServiceProcess;

/** Nobody listens where the source should be: that is enough for things to happen. */
beforeAll(async () => {
  directory = await TemporaryDirectory.make();
  const sourceUrl = `postgres://nobody:secret@127.0.0.1:${await freePort()}/postgres`;
  service = await ServiceProcess.start({ directory: directory.path, sourceUrl });
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

function zeroetl(...parameters: string[]): Promise<CommandResult> {
  const flags = ["--config", join(directory.path, "zeroetl.yaml")];
  return run([...parameters, ...flags], { directory: directory.path });
}

async function jsonEvents(...parameters: string[]): Promise<EventLine[]> {
  const { status, out, err } = await zeroetl("events", "--json", ...parameters);
  expect([status, err]).toEqual([0, ""]);
  return out
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as EventLine);
}

async function describedEvents(): Promise<Event[]> {
  const found: Event[] = [];
  for await (const { Events = [] } of paginateDescribeEvents({ client: service.rds }, { Duration: 60 }))
    found.push(...Events);
  return found;
}

test("where nothing has happened, the next step is named", async () => {
  const empty = await zeroetl("events");
  expect(empty).toMatchObject({ status: 0, err: "" });
  expect(empty.out).toMatch(
    /^Nothing has happened since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\nEvents are kept for 14 days: --since 14d shows them all\.\nCurrent state: node \S+zeroetl\.cjs status\n$/,
  );
  expect(await jsonEvents("--since", "14d")).toEqual([]);
});

test("every event is shown as DescribeEvents tells it, newest last, over as many pages as there are", async () => {
  await service.create("include: postgres.*.*", "shop");
  await until("the source is found missing", async () => {
    const { Errors = [] } = await service.describe("shop");
    return Errors.length > 0;
  });
  for (let count = 0; count < modifications; count += 1)
    await service.rds.send(
      new ModifyIntegrationCommand({ IntegrationIdentifier: "shop", Description: `state ${count}` }),
    );
  const described = await describedEvents();
  expect(described.length).toBeGreaterThan(modifications);
  // More may have happened since, but nothing else before.
  const shown = (await jsonEvents("--since", "1h")).slice(0, described.length);
  expect(
    shown.map(({ arn, category, message, eventId, at }) => [arn, [category], `${message} (${eventId})`, at]),
  ).toEqual(
    described.map(({ SourceArn, EventCategories, Message, Date: at }) => [
      SourceArn,
      EventCategories,
      Message,
      at?.toISOString(),
    ]),
  );
  expect(new Set(shown.map(({ id }) => id)).size).toBe(shown.length);
  expect(shown[0]).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    at: expect.stringMatching(/^20\d\d-.*Z$/),
    eventId: "ZEROETL-INTEGRATION-EVENT-0001",
    severity: "Info",
    category: "monitoring",
    integration: "shop",
    arn: expect.stringMatching(/^arn:aws:rds:us-east-1:000000000000:integration:/),
    status: "creating",
    statusCode: "CREATING",
    message: "The integration is being created.",
  });
});

test("a person reads time, severity, integration and message within 80 columns", async () => {
  const { status, out, err } = await zeroetl("events", "shop");
  expect([status, err]).toEqual([0, ""]);
  const lines = out.trimEnd().split("\n");
  expect(lines[0]).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}Info {5}shop: The integration is being created\.$/,
  );
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.at(-1)).toMatch(/^\(1?\d\d events since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)$/);
  // What does not fit into a line goes on below its message.
  const text = out.replaceAll(/\n {30}/g, " ");
  expect(text).toMatch(
    /\n\S+ \S+ {2}Warning {2}shop: The integration was interrupted .*\. Check host, port and firewall of the source's `url`, and that the server runs\.\n/,
  );
  const count = Number(/\((\d+) events/.exec(out)?.[1]);
  expect(text.trimEnd().split("\n")).toHaveLength(count + 1);
});

test("an integration is meant by its name, ARN or uuid, even when it is gone", async () => {
  const [first] = await jsonEvents("shop");
  const arn = first?.arn ?? "";
  const uuid = arn.split(":").at(-1) ?? "";
  await service.remove("shop");
  for (const identifier of [arn, uuid, "SHOP"]) {
    const found = await jsonEvents(identifier);
    expect(found[0]).toEqual(first);
    expect(found.at(-1)).toMatchObject({ eventId: "REDSHIFT-INTEGRATION-EVENT-0001", status: "deleted" });
  }
});

test("--since leaves out what is older", async () => {
  const all = await jsonEvents();
  const since = all.at(-2)?.at ?? "";
  const found = await jsonEvents("--since", since);
  expect(found).toEqual(all.filter(({ at }) => at >= since));
  expect(found.length).toBeLessThan(all.length);
});

test("an unknown integration is refused with a command that lists those that exist", async () => {
  const { status, err } = await zeroetl("events", "absent");
  const refusal =
    "zeroetl: There is no integration with this name, ARN or uuid. List the integrations with `";
  expect([status, err.startsWith(refusal)]).toEqual([1, true]);
  const hint = err.slice(refusal.length, err.lastIndexOf("`"));
  const { stdout } = await promisify(execFile)("sh", ["-c", hint], { cwd: directory.path });
  expect(stdout).toContain("There are no integrations yet.");
});

test.each([
  [
    "a --since that is none",
    ["--since", "yesterday"],
    2,
    'zeroetl: --since "yesterday" is neither a duration, such as 30m, 24h or 7d, nor a time, such as 2026-01-31 or 2026-01-31T09:30Z. See --help.\n',
  ],
  [
    "a --since in the future",
    ["--since", "2999-01-01"],
    2,
    "zeroetl: --since 2999-01-01 is in the future; it must be a time that has passed. See --help.\n",
  ],
])("%s is refused with what to do", async (...[, parameters, status, err]) => {
  expect(await zeroetl("events", ...parameters)).toEqual({ status, out: "", err });
});

test("on a narrow terminal, a message stands below its time, as wide as the terminal", () => {
  const event = {
    at: "2026-03-10T12:00:00.000Z",
    severity: "Info",
    integration: "shop",
    message: "A table was copied and is up to date with the source: shop.public.orders",
  } as EventLine;
  const [head, ...lines] = eventText(event, { ...openTerminal(), columns: 40 }).split("\n");
  expect(head).toMatch(/^2026-03-\d\d \d\d:00:00 {2}Info$/);
  expect(lines).toEqual([
    "  shop: A table was copied and is up to",
    "  date with the source:",
    "  shop.public.orders",
  ]);
});
