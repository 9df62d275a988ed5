import { once } from "node:events";
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import { afterEach, beforeAll, afterAll, describe, expect, test } from "vitest";
import { credentials, region, targets, sources, TestService } from "../../../test/support/aws-service.ts";
import { anEvent, equalTable, noStatus } from "../../../test/support/operator-answers.ts";
import { until } from "../../../test/support/until.ts";
import { CodedError } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";
import type { OperatorPort } from "../../model/operator.ts";

interface Seen {
  closed: boolean;
  produced: number;
  verified: string[];
  queried: string[];
  dropped: string[];
  verifyWaits: boolean;
  /** Integrations that the caller may see. */
  visible: string[];
  /** By their uuids; undefined: all. */
  asked: (string | undefined)[];
}

const nothing = { closed: false, produced: 0, verifyWaits: false };
const seen: Seen = { ...nothing, verified: [], queried: [], dropped: [], visible: [], asked: [] };

/** Answers by the text of the SQL. */
const operator: OperatorPort = {
  status: async ({ integrationId, isVisible }) => {
    const { integrations } = await service.catalog.page({ after: undefined, limit: 100, filter: {} });
    seen.visible = integrations.filter(isVisible).map(({ id }) => id);
    seen.asked.push(integrationId);
    return noStatus;
  },
  dropDatabase: async ({ name, targetArn }) => {
    seen.dropped.push(`${name} ${targetArn}`);
  },
  query: async ({ sql, targetArn }) => {
    seen.queried.push(targetArn);
    if (sql === "bad") throw new CodedError("QUERY_FAILED", "The table x does not exist.");
    if (sql === "broken") throw new Error("secret detail");
    const notices = sql === "noticed" ? ["It is old."] : [];
    return { columns: [{ name: "a", type: "INTEGER" }], notices, rows: rows(sql) };
  },
  events: async function* events({ integrationId, since, isVisible }) {
    seen.visible = (await isVisible(mine)) ? [mine] : [];
    seen.asked.push(integrationId);
    yield { ...anEvent, at: since.toISOString() };
  },
  verify: async function* verify(id, signal) {
    signal.throwIfAborted();
    seen.verified.push(id);
    yield equalTable("t");
    yield equalTable("u");
    if (seen.verifyWaits) {
      await once(signal, "abort");
      seen.closed = true;
    }
  },
};

async function* rows(sql: string): AsyncGenerator<readonly (readonly (string | null)[])[]> {
  try {
    for (let chunk = 0; chunk < (sql === "endless" ? Number.POSITIVE_INFINITY : 2); chunk += 1) {
      seen.produced += 1;
      yield [["x".repeat(sql === "endless" ? 100_000 : 1)], [null]];
    }
    if (sql === "midway") throw new CodedError("QUERY_FAILED", "Division by zero.");
  } finally {
    seen.closed = true;
  }
}

const mine = "11111111-2222-4333-8444-555555555555";
const ample = { perAccount: 9, perTarget: 9, perSource: 9 };
/** What is there from the start. */
const desired = {
  id: mine,
  name: "mine",
  sourceArn: sources[0]?.arn ?? "",
  targetArn: targets[0]?.arn ?? "",
  dataFilter: "include: a.b.c",
  description: undefined,
  kmsKeyId: "key",
  additionalEncryptionContext: {},
  wrappedKey: "wrapped",
  tags: [],
  createdAt: new Date(),
};

let service: TestService;

beforeAll(async () => {
  service = await TestService.start({
    operator,
    targets: targets.slice(0, 2),
    health: () => ({ ok: true, catalog: "open" }),
    metrics: async () => "up 1\n",
  });
  const creation = await service.catalog.create(desired, ample);
  expect(creation.kind).toBe("created");
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

afterEach(() => {
  Object.assign(seen, nothing, { verified: [], queried: [], dropped: [], asked: [] });
});

interface Call {
  readonly command: string;
  readonly body: string;
  readonly signal?: AbortSignal;
  readonly serviceName?: string;
  readonly secret?: string;
  readonly key?: string;
}

async function post(call: Call): Promise<Response> {
  const { command, body, signal, serviceName = "zeroetl", key = credentials.accessKeyId } = call;
  const { secret = credentials.secretAccessKey } = call;
  const { host, hostname, port } = new URL(service.url);
  const path = `/zeroetl/${command}`;
  const signer = new SignatureV4({
    region,
    service: serviceName,
    credentials: { accessKeyId: key, secretAccessKey: secret },
    sha256: Sha256,
  });
  const headers = { host, "content-type": "application/json" };
  const request = {
    method: "POST",
    protocol: "http:",
    hostname,
    port: Number(port),
    path,
    query: {},
    headers,
    body,
  };
  const signed = await signer.sign(request);
  const init = { method: "POST", headers: signed.headers, body };
  return fetch(service.url + path, signal === undefined ? init : { ...init, signal });
}

async function lines(response: Response): Promise<JsonObject[]> {
  const text = await response.text();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as JsonObject);
}

async function ask(command: string, body: object, by?: { id: string; secret: string }): Promise<Response> {
  const signer = by === undefined ? {} : { key: by.id, secret: by.secret };
  return post({ command, body: JSON.stringify(body), ...signer });
}

test("status is one JSON object, of everything or of one integration", async () => {
  for (const [body, asked] of [["{}", undefined] as const, [`{"integration":"mine"}`, mine] as const]) {
    expect(await (await post({ command: "status", body })).json()).toEqual(noStatus);
    expect(seen.asked).toEqual([asked]);
    seen.asked = [];
  }
});

describe("a query", () => {
  test("streams columns, rows and an end", async () => {
    const response = await post({ command: "query", body: '{"sql":"good","target":"target-0"}' });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    expect(await lines(response)).toEqual([
      { columns: [{ name: "a", type: "INTEGER" }], notices: [] },
      { rows: [["x"], [null]] },
      { rows: [["x"], [null]] },
      { end: true },
    ]);
  });

  test("goes to the target that it names, and brings notices", async () => {
    const second = targets[1]?.arn ?? "";
    for (const target of ["target-1", second]) {
      const found = await lines(await ask("query", { sql: "noticed", target }));
      expect(found[0]).toMatchObject({ notices: ["It is old."] });
    }
    expect(seen.queried).toEqual([second, second]);
    const ambiguous = await ask("query", { sql: "good" });
    expect([ambiguous.status, await ambiguous.json()]).toEqual([
      400,
      {
        code: "TARGET_AMBIGUOUS",
        message: "There are several targets: target-0, target-1.",
        fix: "Name one of them with --target.",
      },
    ]);
    const unknown = await ask("query", { sql: "good", target: "x" });
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { code: "TARGET_NOT_FOUND" }]);
  });

  test("that fails midway says so in its last line", async () => {
    const found = await lines(await post({ command: "query", body: '{"sql":"midway","target":"target-0"}' }));
    expect(found.at(-1)).toEqual({
      error: { code: "QUERY_FAILED", message: "Division by zero." },
    });
  });

  test("that fails at once is refused with code, message and fix", async () => {
    const response = await post({ command: "query", body: '{"sql":"bad","target":"target-0"}' });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      code: "QUERY_FAILED",
      message: "The table x does not exist.",
    });
  });

  test("that fails for a reason of ours says nothing of the inside", async () => {
    const response = await post({ command: "query", body: '{"sql":"broken","target":"target-0"}' });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret detail");
  });

  test("waits for a slow client, and ends when the client leaves", async () => {
    const leave = new AbortController();
    const response = await post({
      command: "query",
      body: '{"sql":"endless","target":"target-0"}',
      signal: leave.signal,
    });
    const reader = response.body?.getReader();
    await reader?.read();
    // Some chunks fill the buffers between the two; then nothing more is made.
    let before = -1;
    await until("the rows stand still", async () => {
      const still = seen.produced === before;
      before = seen.produced;
      await new Promise((resolve) => {
        setTimeout(resolve, 200);
      });
      return still && seen.produced === before;
    });
    expect(seen.produced).toBeLessThan(2_000);
    leave.abort();
    await until("the rows are closed", () => seen.closed);
  });
});

test("verify streams what is found about the integration that is meant", async () => {
  const arn = `arn:aws:rds:${region}:123456789012:integration:${mine}`;
  const found = await lines(await post({ command: "verify", body: JSON.stringify({ integration: arn }) }));
  expect(found).toEqual([equalTable("t"), equalTable("u"), { end: true }]);
  expect(seen.verified).toEqual([mine]);
});

describe("events", () => {
  const since = "2026-01-31T00:00:00.000Z";

  async function idAnswered(integration: string): Promise<unknown> {
    const response = await post({ command: "events", body: JSON.stringify({ integration, since }) });
    if (response.status !== 200) return response.status;
    expect(await lines(response)).toEqual([{ ...anEvent, at: since }, { end: true }]);
    return seen.asked.pop();
  }

  async function make(name: string, source: number): Promise<string> {
    const id = `22222222-2222-4333-8444-${String(source).padStart(12, "0")}`;
    const places = { sourceArn: sources[source]?.arn ?? "", targetArn: targets[source]?.arn ?? "" };
    const { kind } = await service.catalog.create({ ...desired, ...places, id, name }, ample);
    expect(kind).toBe("created");
    await service.catalog.report(id, { generation: 1, status: "active", errors: [], tables: [] });
    return id;
  }

  test("are streamed, of everything or of the integration that is meant", async () => {
    const response = await post({ command: "events", body: JSON.stringify({ since }) });
    expect(await lines(response)).toEqual([{ ...anEvent, at: since }, { end: true }]);
    expect(seen.asked.pop()).toBeUndefined();
    const id = await make("told", 2);
    const arn = `arn:aws:rds:${region}:123456789012:integration:${id}`;
    for (const identifier of [id, arn, "told", "TOLD"]) expect(await idAnswered(identifier)).toBe(id);
  });

  test("outlive their integration, whose name may be used again", async () => {
    const first = await make("passing", 3);
    await service.catalog.delete(first);
    await service.catalog.forget(first);
    const arn = `arn:aws:rds:${region}:123456789012:integration:${first}`;
    for (const identifier of [first, arn, "Passing"]) expect(await idAnswered(identifier)).toBe(first);
    const second = await make("passing", 4);
    expect(await idAnswered("passing")).toBe(second);
    expect(await idAnswered(first)).toBe(first);
    expect(await service.catalog.modify(second, { name: "lasting" })).toMatchObject({ kind: "modified" });
    expect(await idAnswered("lasting")).toBe(second);
    // A name that is no longer used does not lead to the integration that had it.
    expect(await idAnswered("passing")).toBe(404);
    expect(await idAnswered("99999999-2222-4333-8444-555555555555")).toBe(404);
  });
});

test("work that waits hears that its client has left", async () => {
  seen.verifyWaits = true;
  const leave = new AbortController();
  const response = await post({ command: "verify", body: '{"integration":"mine"}', signal: leave.signal });
  await response.body?.getReader().read();
  leave.abort();
  await until("the signal is aborted", () => seen.closed);
});

test.each<[string, Call, number, string]>([
  [
    "an unknown integration",
    { command: "verify", body: '{"integration":"nobody"}' },
    404,
    "INTEGRATION_NOT_FOUND",
  ],
  ["a body that is no JSON", { command: "query", body: "{" }, 400, "USAGE"],
  ["a body of another form", { command: "query", body: '{"sql":1}' }, 400, "USAGE"],
  ["a body with something unknown", { command: "query", body: '{"sql":"x","y":1}' }, 400, "USAGE"],
  ["a time that is none", { command: "events", body: '{"since":"yesterday"}' }, 400, "USAGE"],
  ["events since nothing", { command: "events", body: "{}" }, 400, "USAGE"],
  ["an unknown command", { command: "constructor", body: "{}" }, 400, "USAGE"],
  [
    "a signature for another service",
    { command: "status", body: "{}", serviceName: "rds" },
    403,
    "SignatureDoesNotMatch",
  ],
  ["a wrong secret", { command: "status", body: "{}", secret: "x" }, 403, "SignatureDoesNotMatch"],
  ["a body of 2 MB", { command: "query", body: "x".repeat(2_000_000) }, 413, "RequestEntityTooLarge"],
])("%s is refused", async (...[, call, status, code]) => {
  const response = await post(call);
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ code });
});

describe("access keys", () => {
  interface Made {
    readonly id: string;
    readonly user: string;
    readonly secret: string;
  }

  async function make(user: string, ...Statement: object[]): Promise<Made> {
    const policy = Statement.length === 0 ? undefined : { Version: "2012-10-17", Statement };
    const response = await ask("create-key", { user, policy });
    expect(response.status).toBe(200);
    return (await response.json()) as Made;
  }

  const allow = (Action: string, Resource = "*"): object => ({ Effect: "Allow", Action, Resource });

  test("are made, listed without a secret, rotated, disabled, enabled and deleted", async () => {
    const made = await make("carol", allow("zeroetl:GetStatus"));
    expect(made).toEqual({
      id: expect.stringMatching(/^AKIA[A-Z2-7]{16}$/),
      user: "carol",
      secret: expect.stringMatching(/^[\w-]{40}$/),
    });
    const listed = async (id: string): Promise<unknown> => {
      const text = await (await ask("list-keys", {})).text();
      expect(text).not.toContain(made.secret);
      const { keys } = JSON.parse(text) as { keys: { id: string }[] };
      return keys.find((key) => key.id === id);
    };
    const shown = { id: made.id, user: "carol", isEnabled: true, hasPolicy: true };
    expect(await listed(made.id)).toEqual({ ...shown, createdAt: expect.stringMatching(/^20\d\d-/) });
    expect(await listed(credentials.accessKeyId)).toMatchObject({ isEnabled: true, createdAt: null });
    const rotated = (await (await ask("rotate-key", { id: made.id })).json()) as Made;
    for (const key of [made, rotated]) expect((await ask("status", {}, key)).status).toBe(200);
    expect((await ask("disable-key", { id: made.id })).status).toBe(200);
    expect(await listed(made.id)).toMatchObject({ isEnabled: false });
    expect((await ask("status", {}, made)).status).toBe(403);
    expect((await ask("enable-key", { id: made.id })).status).toBe(200);
    expect((await ask("status", {}, made)).status).toBe(200);
    expect((await ask("delete-key", { id: made.id })).status).toBe(200);
    expect((await ask("status", {}, made)).status).toBe(403);
    expect(await listed(made.id)).toBeUndefined();
    expect((await ask("status", {}, rotated)).status).toBe(200);
  });

  test.each<[string, object, number, string]>([
    ["create-key", { user: "a b" }, 400, "USAGE"],
    ["create-key", { user: "x".repeat(65) }, 400, "USAGE"],
    ["create-key", { user: "dora", policy: {} }, 400, "INVALID_POLICY"],
    ["create-key", { user: "dora", policy: null }, 400, "INVALID_POLICY"],
    ["create-key", { user: "dora", policies: [] }, 400, "USAGE"],
    ["rotate-key", { id: "AKIANOBODY" }, 404, "KEY_NOT_FOUND"],
    ["disable-key", { id: "AKIANOBODY" }, 404, "KEY_NOT_FOUND"],
    ["delete-key", { id: "AKIANOBODY" }, 404, "KEY_NOT_FOUND"],
    ["delete-key", { id: credentials.accessKeyId }, 400, "KEY_CONFIGURED"],
    ["rotate-key", { id: credentials.accessKeyId }, 400, "KEY_CONFIGURED"],
  ])("%s of %j is refused", async (...[command, body, status, code]) => {
    const response = await ask(command, body);
    expect([response.status, await response.json()]).toEqual([status, expect.objectContaining({ code })]);
  });

  test.each([
    ["PowerUserAccess", [{ Effect: "Allow", NotAction: ["iam:*", "organizations:*"], Resource: "*" }]],
    ["a Deny of iam:*", [allow("*"), { Effect: "Deny", Action: "iam:*", Resource: "*" }]],
    ["iam:* without zeroetl:*", [allow("iam:*")]],
  ])("cannot be made, listed or changed under %s", async (_, statements) => {
    const key = await make("erin", ...statements);
    for (const [command, body] of [
      ["create-key", { user: "erin" }],
      ["list-keys", {}],
      ["rotate-key", { id: key.id }],
      ["enable-key", { id: key.id }],
      ["disable-key", { id: key.id }],
      ["delete-key", { id: key.id }],
    ] as const) {
      const response = await ask(command, body, key);
      expect([command, response.status]).toEqual([command, 403]);
      expect(await response.json()).toMatchObject({ code: "AccessDenied" });
    }
  });

  test.each([
    ["a command", "zeroetl:*"],
    ["seeing it", "rds:DescribeIntegrations"],
  ])("see no integration of which their policy denies %s", async (_, Action) => {
    const resource = `arn:aws:rds:us-east-1:123456789012:integration:${mine}`;
    const key = await make("erin", allow("*"), { Effect: "Deny", Action, Resource: resource });
    for (const [command, body] of [
      ["status", {}],
      ["events", { since: "2026-01-31T00:00:00Z" }],
    ] as const) {
      await (await ask(command, body)).text();
      expect(seen.visible).toContain(mine);
      await (await ask(command, body, key)).text();
      expect(seen.visible).not.toContain(mine);
    }
  });

  test("let a key do what its policy allows: with commands, and with keys", async () => {
    const other = await make("other");
    const since = "2026-01-31T00:00:00Z";
    const self = "arn:aws:iam::*:user/${aws:username}";
    const key = await make("erin", allow("zeroetl:Query"), allow("zeroetl:RotateKey", self));
    expect((await ask("query", { sql: "good", target: "target-0" }, key)).status).toBe(200);
    expect((await ask("rotate-key", { id: key.id }, key)).status).toBe(200);
    const attempts: [string, object, string][] = [
      ["status", {}, "zeroetl:GetStatus on resource: arn:aws:rds:us-east-1:123456789012:integration:*"],
      ["status", { integration: "mine" }, "zeroetl:GetStatus on resource: arn:"],
      ["verify", { integration: "mine" }, "zeroetl:Verify on resource: arn:"],
      [
        "events",
        { since },
        "zeroetl:GetEvents on resource: arn:aws:rds:us-east-1:123456789012:integration:*",
      ],
      ["events", { since, integration: "mine" }, "zeroetl:GetEvents on resource: arn:"],
      ["create-key", { user: "erin" }, "zeroetl:CreateKey on resource: arn:aws:iam::123456789012:user/erin"],
      ["list-keys", {}, "zeroetl:ListKeys on resource: arn:aws:iam::123456789012:user/*"],
      ["rotate-key", { id: other.id }, "zeroetl:RotateKey on resource: arn:aws:iam::123456789012:user/*"],
      ["rotate-key", { id: "AKIANOBODY" }, "zeroetl:RotateKey on resource: arn:aws:iam::123456789012:user/*"],
      ["delete-key", { id: key.id }, "zeroetl:DeleteKey on resource: arn:aws:iam::123456789012:user/*"],
      ["disable-key", { id: other.id }, "zeroetl:DisableKey"],
      ["enable-key", { id: other.id }, "zeroetl:EnableKey"],
      [
        "drop-database",
        { name: "shop", target: "target-1" },
        `zeroetl:DropDatabase on resource: ${targets[1]?.arn}`,
      ],
    ];
    for (const [command, body, what] of attempts) {
      const response = await ask(command, body, key);
      expect(response.status).toBe(403);
      expect(await response.json()).toEqual({ code: "AccessDenied", message: expect.stringContaining(what) });
    }
    expect(seen.dropped).toEqual([]);
    const dropper = await make("hugo", allow("zeroetl:DropDatabase", targets[1]?.arn));
    expect((await ask("drop-database", { name: "shop", target: "target-1" }, dropper)).status).toBe(200);
    expect(seen.dropped).toEqual([`shop ${targets[1]?.arn}`]);
    const some = await make("gina", allow("zeroetl:GetEvents"), {
      ...allow("zeroetl:GetEvents", `arn:aws:rds:*:*:integration:${desired.id}`),
      Effect: "Deny",
    });
    expect((await ask("events", { since }, some)).status).toBe(200);
    // It may not be seen: that there is one is not told.
    for (const integration of ["mine", "nobody"])
      expect((await ask("events", { since, integration }, some)).status).toBe(404);
    const rds = await make("frank", allow("rds:*"));
    expect((await ask("query", { sql: "good", target: "target-0" }, rds)).status).toBe(403);
  });
});

test("health and metrics need no signature; nothing else is there", async () => {
  const health = await fetch(`${service.url}/healthz`);
  expect([health.status, await health.json()]).toEqual([200, { ok: true, catalog: "open" }]);
  const metrics = await fetch(`${service.url}/metrics`);
  expect([metrics.status, await metrics.text()]).toEqual([200, "up 1\n"]);
  expect((await fetch(`${service.url}/zeroetl/status`, { method: "POST" })).status).toBe(403);
  expect((await fetch(`${service.url}/nothing`)).status).toBe(404);
});
