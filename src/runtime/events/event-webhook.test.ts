import fs from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { ampleQuotas, catalogHomes, desired, type CatalogHome } from "../../../test/support/catalog-homes.ts";
import { freePort } from "../../../test/support/postgres.ts";
import { until } from "../../../test/support/until.ts";
import { WebhookReceiver, type Conduct } from "../../../test/support/webhook-receiver.ts";
import { present } from "../../base/assert.ts";
import { setLogLevel } from "../../base/log.ts";
import { Secret } from "../../base/secret.ts";
import { Catalog } from "../../catalog/catalog.ts";
import { EventWebhook } from "./event-webhook.ts";

setLogLevel("silent");

const timing = { attemptMs: 2_000, graceMs: 200, retryFirstMs: 10, retryMostMs: 40, lookMs: 60_000 };
const life = ["0001", "0000", "0017", "0016", "0017", "0003", "0013", "0002", "0001"];

let home: CatalogHome;
let catalog: Catalog;

beforeAll(async () => {
  home = await present(catalogHomes["embedded in a directory"], "there is one")();
  catalog = await Catalog.open(home.location, { deliversEvents: true });
});

afterAll(async () => {
  await catalog[Symbol.asyncDispose]();
  await home.close();
});

beforeEach(async () => {
  for (let heads = await catalog.pendingEvents(1); heads.length > 0; heads = await catalog.pendingEvents(1))
    for (const { ordinal } of heads) await catalog.eventTaken(ordinal);
});

function start(url: string, over: Partial<typeof timing> = {}): EventWebhook {
  return EventWebhook.start({
    url: new Secret(url),
    outbox: catalog,
    account: "123456789012",
    region: "us-east-1",
    arnOf: (id) => `arn:aws:rds:us-east-1:123456789012:integration:${id}`,
    timing: { ...timing, ...over },
  });
}

async function made(): Promise<string> {
  const creation = await catalog.create(desired(), ampleQuotas);
  if (creation.kind !== "created") throw new Error(creation.kind);
  return creation.integration.id;
}

/** Everything that happens to an integration that nothing goes wrong with. */
async function lived(): Promise<string> {
  const id = await made();
  const report = { generation: 1, status: "active", errors: [], tables: [] } as const;
  await catalog.report(id, report);
  await catalog.modify(id, { description: "new" });
  await catalog.modify(id, { dataFilter: "include: a.b.*" });
  await catalog.report(id, { ...report, generation: 2, status: "syncing" });
  await catalog.report(id, { ...report, generation: 2 });
  await catalog.delete(id);
  await catalog.forget(id);
  return id;
}

async function nothingWaits(): Promise<void> {
  await until("every event was taken", async () => (await catalog.pendingEvents(1)).length === 0);
}

test("events arrive in EventBridge's envelope, once and in order", async () => {
  await using receiver = await WebhookReceiver.start();
  await using _webhook = start(receiver.url);
  const id = await lived();
  await nothingWaits();
  expect(receiver.taken(id)).toEqual(life);
  const { headers, path, envelope } = present(receiver.received[1], "a second one arrived");
  expect(headers).toMatchObject({ "content-type": "application/json" });
  expect(headers.authorization).toBeUndefined();
  expect(path).toBe("/hook");
  expect(envelope).toEqual({
    version: "0",
    id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
    "detail-type": "Redshift Integration Monitoring",
    source: "aws.redshift",
    account: "123456789012",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    region: "us-east-1",
    resources: [`arn:aws:rds:us-east-1:123456789012:integration:${id}`],
    detail: {
      severity: "Info",
      sourceArn: expect.stringMatching(/^source-/),
      destinationArn: expect.stringMatching(/^target-/),
      eventDescription: "The integration was created and is active.",
      integrationStatus: "ACTIVE",
      statusCode: "ACTIVE",
      eventId: "REDSHIFT-INTEGRATION-EVENT-0000",
    },
  });
  expect(receiver.received[3]?.envelope["detail-type"]).toBe("Redshift Integration Operation");
});

test("a receiver that fails, hangs, breaks off and sends elsewhere gets everything in order once it recovers", async () => {
  await using receiver = await WebhookReceiver.start();
  const bad: Conduct[] = [500, "hang", "cut", 302, 429, 404, "cut", 503];
  let requests = 0;
  receiver.conduct = () => {
    requests += 1;
    return requests % 3 === 0 ? 200 : present(bad[requests % bad.length], "the index is in range");
  };
  await using _webhook = start(receiver.url, { attemptMs: 200 });
  const ids = await Promise.all([lived(), lived(), lived()]);
  await nothingWaits();
  for (const id of ids) expect(receiver.taken(id)).toEqual(life);
  expect(receiver.received.every(({ path }) => path === "/hook")).toBe(true);
  expect(new Set(receiver.received.map(({ conduct }) => conduct)).size).toBeGreaterThan(4);
  // An event that is offered again is the same event.
  const texts = new Map(receiver.received.map(({ envelope }) => [envelope.id, JSON.stringify(envelope)]));
  for (const { envelope } of receiver.received) expect(JSON.stringify(envelope)).toBe(texts.get(envelope.id));
});

test("an event that is never taken holds up its own integration only", async () => {
  await using receiver = await WebhookReceiver.start();
  await using _webhook = start(receiver.url);
  const refused = await made();
  await until("it was taken", async () => receiver.taken(refused).length === 1);
  receiver.conduct = ({ resources: [arn] }) => (arn.endsWith(refused) ? "hang" : 200);
  await catalog.report(refused, { generation: 1, status: "active", errors: [], tables: [] });
  await catalog.modify(refused, { description: "behind it" });
  const other = await lived();
  await until("the other one's were taken", async () => receiver.taken(other).length === life.length);
  expect(receiver.taken(refused)).toEqual(["0001"]);
  const offered = receiver.received.filter(({ envelope }) => envelope.resources[0].endsWith(refused));
  expect(new Set(offered.map(({ envelope }) => envelope.detail.eventId.slice(-4)))).toEqual(
    new Set(["0001", "0000"]),
  );
  receiver.conduct = () => 200;
  await nothingWaits();
  expect(receiver.taken(refused)).toEqual(["0001", "0000", "0017"]);
});

test("what was not taken waits for the next start, what was taken is not sent again", async () => {
  await using receiver = await WebhookReceiver.start();
  const id = await lived();
  let left = 4;
  receiver.conduct = () => {
    left -= 1;
    return left >= 0 ? 200 : 500;
  };
  const first = start(receiver.url);
  await until("it is refused", async () => left < 0);
  await first[Symbol.asyncDispose]();
  await catalog[Symbol.asyncDispose]();
  catalog = await Catalog.open(home.location, { deliversEvents: true });
  expect(receiver.taken(id)).toEqual(life.slice(0, 4));
  receiver.conduct = () => 200;
  await using _second = start(receiver.url);
  await nothingWaits();
  expect(receiver.taken(id)).toEqual(life);
});

test("a stop lets the receiver finish what it is about to take", async () => {
  await using receiver = await WebhookReceiver.start();
  let isAsked = false;
  let answer: (status: number) => void = () => {};
  receiver.conduct = () => {
    isAsked = true;
    return new Promise((resolve) => {
      answer = resolve;
    });
  };
  const webhook = start(receiver.url, { attemptMs: 60_000, graceMs: 60_000 });
  const id = await made();
  await until("it is sent", async () => isAsked);
  const stopped = webhook[Symbol.asyncDispose]();
  answer(200);
  await stopped;
  expect(receiver.taken(id)).toEqual(["0001"]);
  expect(await catalog.pendingEvents(1)).toEqual([]);
});

test("a stop does not wait for a receiver that hangs", async () => {
  await using receiver = await WebhookReceiver.start();
  receiver.conduct = () => "hang";
  const webhook = start(receiver.url, { attemptMs: 2 ** 30 });
  await made();
  await until("it is sent", async () => receiver.received.length > 0);
  await webhook[Symbol.asyncDispose]();
  expect(await catalog.pendingEvents(1)).toHaveLength(1);
});

test("user, password and token of the URL reach the receiver and no log", async () => {
  await using receiver = await WebhookReceiver.start();
  const written: string[] = [];
  const write = fs.writeSync.bind(fs) as (file: number, ...rest: unknown[]) => number;
  // Standard error is the log; everything else is the catalog's.
  const spy = vi.spyOn(fs, "writeSync").mockImplementation((file: number, ...rest: unknown[]) => {
    if (file !== 2) return write(file, ...rest);
    written.push(String(rest[0]));
    return Buffer.byteLength(String(rest[0]));
  });
  try {
    setLogLevel("debug");
    const secret = `user:hunter%322@${receiver.host}/sesame?token=abracadabra`;
    {
      receiver.conduct = () =>
        receiver.received.length > 5 ? 200 : receiver.received.length > 2 ? 302 : "cut";
      await using _webhook = start(`http://${secret}`);
      await made();
      await nothingWaits();
    }
    {
      // A server that speaks no TLS, and none at all.
      await made();
      await using _wrong = start(`https://${secret}`);
      await using _nobody = start(
        `http://user:hunter%322@127.0.0.1:${await freePort()}/sesame?token=abracadabra`,
      );
      const refusals = () => written.filter((line) => line.includes("did not accept an event")).length;
      const before = refusals();
      await until("both failed", async () => refusals() > before + 3);
    }
  } finally {
    setLogLevel("silent");
    spy.mockRestore();
  }
  const log = written.join("");
  expect(log).toContain('"reason":"status 302"');
  expect(log).toContain('"reason":"ECONNREFUSED"');
  expect(log).not.toMatch(/hunter|sesame|abracadabra/);
  const { headers, path } = present(receiver.received.at(-1), "something arrived");
  expect(headers.authorization).toBe(`Basic ${Buffer.from("user:hunter22").toString("base64")}`);
  expect(path).toBe("/sesame?token=abracadabra");
});
