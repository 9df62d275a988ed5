import {
  AddTagsToResourceCommand,
  CreateIntegrationCommand,
  DeleteIntegrationCommand,
  DescribeIntegrationsCommand,
  ListTagsForResourceCommand,
  ModifyIntegrationCommand,
  paginateDescribeIntegrations,
  RemoveTagsFromResourceCommand,
  type Integration,
} from "@aws-sdk/client-rds";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, credentials, region, sourceArn, sources, targets } from "../../test/support/aws-service.ts";
import { idOf, rdsClient, RdsSession, refusal } from "../../test/support/rds-session.ts";
import { until } from "../../test/support/until.ts";

let session: RdsSession;

beforeAll(async () => {
  session = await RdsSession.start();
});

afterAll(async () => {
  await session[Symbol.asyncDispose]();
});

async function describeOne(identifier: string): Promise<Integration | undefined> {
  const answer = await session.rds.send(
    new DescribeIntegrationsCommand({ IntegrationIdentifier: identifier }),
  );
  expect(answer.Integrations).toHaveLength(1);
  return answer.Integrations?.[0];
}

describe("DescribeIntegrations", () => {
  test.each([
    ["a uuid", "00000000-0000-4000-8000-000000000000"],
    ["a name", "nobody"],
    ["an ARN", `arn:aws:rds:${region}:${account}:integration:00000000-0000-4000-8000-000000000000`],
    [
      "an ARN of another region",
      "arn:aws:rds:eu-west-1:123456789012:integration:00000000-0000-4000-8000-000000000000",
    ],
  ])("%s that nobody has: IntegrationNotFoundFault", async (_, identifier) => {
    expect(await refusal(describeOne(identifier))).toMatchObject({
      name: "IntegrationNotFoundFault",
      status: 404,
    });
  });

  test.each([0, 19, 101, -1, 2_147_483_647])("MaxRecords %i is out of range", async (MaxRecords) => {
    expect(await refusal(session.rds.send(new DescribeIntegrationsCommand({ MaxRecords })))).toEqual({
      name: "InvalidParameterValue",
      status: 400,
      message: `Invalid value ${MaxRecords} for MaxRecords. Must be between 20 and 100`,
    });
  });

  async function named(Name: string, Values: string[]): Promise<(string | undefined)[]> {
    const answer = await session.rds.send(new DescribeIntegrationsCommand({ Filters: [{ Name, Values }] }));
    return (answer.Integrations ?? []).map(({ IntegrationName }) => IntegrationName);
  }

  test("the four filters", async () => {
    const [TargetArn] = [targets[37]?.arn];
    const cluster = await session.active({
      SourceArn: sources.find(({ name }) => name === "fleet")?.arn,
      TargetArn,
    });
    const { IntegrationArn = "", IntegrationName, SourceArn = "" } = cluster;
    expect(await named("integration-arn", [IntegrationArn, "arn:aws:rds:x:1:integration:y"])).toEqual([
      IntegrationName,
    ]);
    expect(await named("source-arn", [SourceArn])).toEqual([IntegrationName]);
    expect(await named("source-types", ["cluster"])).toEqual([IntegrationName]);
    expect(await named("source-types", ["aurora-postgresql", "oracle"])).toEqual([IntegrationName]);
    expect(await named("status", ["active"])).toContain(IntegrationName);
    expect(await named("status", ["failed", "nonsense"])).toEqual([]);
    const both = new DescribeIntegrationsCommand({
      IntegrationIdentifier: IntegrationName,
      Filters: [{ Name: "status", Values: ["creating"] }],
    });
    expect((await session.rds.send(both)).Integrations).toEqual([]);
  });

  test.each([
    ["name", ["x"], "Unrecognized filter name: name"],
    ["__proto__", ["x"], "Unrecognized filter name: __proto__"],
    ["my-integration", [], "Unrecognized filter name: my-integration"],
    ["status", [], "at least one value"],
  ])("the filter %s with the values %j is refused", async (Name, Values, hint) => {
    expect(await refusal(named(Name, Values))).toEqual({
      name: "InvalidParameterValue",
      status: 400,
      message: expect.stringContaining(hint),
    });
  });

  test("250 integrations come by 20, none twice and none left out, while others are created and deleted", async () => {
    await using busy = await RdsSession.start();
    using _runtime = busy.service.runtime();
    const pairs = sources
      .slice(0, 20)
      .flatMap((source) => targets.map((target) => [source.arn, target.arn] as const));
    const make = async (name: string): Promise<string> => {
      const [SourceArn, TargetArn] = pairs.pop() ?? [];
      const parameters = { IntegrationName: name, SourceArn, TargetArn, DataFilter: "include: shop.*.*" };
      return (await busy.rds.send(new CreateIntegrationCommand(parameters))).IntegrationArn ?? "";
    };
    const staying: string[] = [];
    const leaving: string[] = [];
    for (let index = 0; index < 300; index += 1)
      (index % 6 === 0 ? leaving : staying).push(await make(`page-${index}`));
    await until("all are active", async () =>
      (await busy.service.catalog.wanted()).every(({ integration }) => integration.status === "active"),
    );
    const seen: string[] = [];
    for await (const page of paginateDescribeIntegrations({ client: busy.rds, pageSize: 20 }, {})) {
      expect(page.Integrations?.length).toBeLessThanOrEqual(20);
      seen.push(...(page.Integrations ?? []).map(({ IntegrationArn = "" }) => IntegrationArn));
      for (const IntegrationIdentifier of leaving.splice(0, 3))
        await busy.rds.send(new DeleteIntegrationCommand({ IntegrationIdentifier }));
      await make(`more-${seen.length}`);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((arn) => staying.includes(arn))).toEqual(staying);
  });

  test("a marker that was forged, cut, or is from another list is refused", async () => {
    for (let index = 0; index < 21; index += 1) await session.create();
    const first = await session.rds.send(new DescribeIntegrationsCommand({ MaxRecords: 20 }));
    const marker = first.Marker ?? "";
    const next = await session.rds.send(new DescribeIntegrationsCommand({ MaxRecords: 50, Marker: marker }));
    expect(next.Integrations?.length).toBeGreaterThan(0);
    const flipped = `${marker.slice(0, -1)}${marker.endsWith("A") ? "B" : "A"}`;
    const Filters = [{ Name: "status", Values: ["creating"] }];
    for (const parameters of [
      { Marker: flipped },
      { Marker: marker.slice(1) },
      { Marker: `${marker}=` },
      { Marker: "1" },
      { Marker: "x".repeat(340) },
      { Marker: "x".repeat(341) },
      { Marker: "" },
      { Marker: marker, Filters },
    ]) {
      expect(await refusal(session.rds.send(new DescribeIntegrationsCommand(parameters)))).toMatchObject({
        name: "InvalidParameterValue",
        status: 400,
      });
    }
  });

  test("errors that the runtime found are told, with whatever characters they have", async () => {
    const id = idOf(await session.create());
    const errors = [{ code: "TABLE_WITHOUT_KEY", message: 'public."a\u0001<b>"\r\n has no key' }];
    await session.service.catalog.report(id, {
      generation: 1,
      status: "needs_attention",
      errors,
      tables: [],
    });
    expect(await describeOne(id)).toMatchObject({
      Status: "needs_attention",
      Errors: [{ ErrorCode: "TABLE_WITHOUT_KEY", ErrorMessage: 'public."a\ufffd<b>"\r\n has no key' }],
    });
  });
});

describe("ModifyIntegration", () => {
  test("a new name and description keep the status; a new filter is being carried out", async () => {
    const { IntegrationArn } = await session.active();
    const modify = (over: object): Promise<Integration> =>
      session.rds.send(new ModifyIntegrationCommand({ IntegrationIdentifier: IntegrationArn, ...over }));
    expect(await modify({ IntegrationName: "renamed", Description: "new" })).toMatchObject({
      IntegrationArn,
      IntegrationName: "renamed",
      Description: "new",
      Status: "active",
    });
    expect(await modify({})).toMatchObject({ IntegrationName: "renamed", Status: "active" });
    expect(await modify({ DataFilter: "include: shop.public.*" })).toMatchObject({
      DataFilter: "include: shop.public.*",
      Status: "modifying",
    });
    expect(await refusal(modify({ Description: "again" }))).toEqual({
      name: "InvalidIntegrationStateFault",
      status: 400,
      message: expect.stringContaining(
        "because it is not in a valid state. Wait until the integration is in a valid state and try again.",
      ),
    });
  });

  test("a taken name, a bad filter, an unknown integration", async () => {
    const [first, second] = [await session.active(), await session.active()];
    const modify = (over: object): Promise<Integration> =>
      session.rds.send(
        new ModifyIntegrationCommand({ IntegrationIdentifier: first.IntegrationName, ...over }),
      );
    expect(await refusal(modify({ IntegrationName: second.IntegrationName }))).toMatchObject({
      name: "IntegrationConflictOperationFault",
      status: 400,
    });
    expect(await refusal(modify({ DataFilter: "exclude: a.b.c" }))).toMatchObject({
      name: "InvalidParameterValue",
      status: 400,
    });
    expect(await refusal(modify({ IntegrationIdentifier: "nobody" }))).toMatchObject({
      name: "IntegrationNotFoundFault",
      status: 404,
    });
    expect(await refusal(modify({ IntegrationIdentifier: "a b" }))).toMatchObject({
      name: "InvalidParameterValue",
    });
  });
});

describe("DeleteIntegration", () => {
  test("is deleting, then gone, and its name is free again", async () => {
    const integration = await session.active();
    const IntegrationIdentifier = integration.IntegrationArn;
    const remove = (): Promise<Integration> =>
      session.rds.send(new DeleteIntegrationCommand({ IntegrationIdentifier }));
    expect(await remove()).toMatchObject({ IntegrationArn: IntegrationIdentifier, Status: "deleting" });
    expect(await describeOne(IntegrationIdentifier ?? "")).toHaveProperty("Status", "deleting");
    expect(await refusal(remove())).toMatchObject({ name: "InvalidIntegrationStateFault", status: 400 });
    await session.service.catalog.forget(idOf(integration));
    expect(await refusal(remove())).toMatchObject({ name: "IntegrationNotFoundFault", status: 404 });
    const { IntegrationName, SourceArn, TargetArn } = integration;
    await session.create({ IntegrationName, SourceArn, TargetArn });
  });

  test("is refused while creating", async () => {
    const { IntegrationArn: IntegrationIdentifier } = await session.create();
    const call = session.rds.send(new DeleteIntegrationCommand({ IntegrationIdentifier }));
    expect(await refusal(call)).toMatchObject({ name: "InvalidIntegrationStateFault", status: 400 });
  });
});

describe("tags", () => {
  test("are added, overwritten, listed and removed", async () => {
    const { IntegrationArn: ResourceName } = await session.create();
    const list = async (): Promise<unknown> =>
      (await session.rds.send(new ListTagsForResourceCommand({ ResourceName }))).TagList;
    expect(await list()).toEqual([]);
    const Tags = [
      { Key: "a", Value: "1" },
      { Key: "ü b", Value: "" },
    ];
    await session.rds.send(new AddTagsToResourceCommand({ ResourceName, Tags }));
    await session.rds.send(new AddTagsToResourceCommand({ ResourceName, Tags: [{ Key: "a", Value: "2" }] }));
    expect(await list()).toEqual([
      { Key: "a", Value: "2" },
      { Key: "ü b", Value: "" },
    ]);
    await session.rds.send(new RemoveTagsFromResourceCommand({ ResourceName, TagKeys: ["a", "nothing"] }));
    expect(await list()).toEqual([{ Key: "ü b", Value: "" }]);
  });

  test.each([
    [
      `arn:aws:rds:${region}:${account}:integration:00000000-0000-4000-8000-000000000000`,
      "IntegrationNotFoundFault",
      404,
    ],
    [sourceArn("nobody"), "DBInstanceNotFoundFault", 404],
    [`arn:aws:rds:${region}:${account}:cluster:nobody`, "DBClusterNotFoundFault", 404],
    [`arn:aws:rds:${region}:${account}:snapshot:shop`, "InvalidParameterValue", 400],
    ["nonsense", "InvalidParameterValue", 400],
  ])("of %s: %s", async (ResourceName, name, status) => {
    const calls = [
      new ListTagsForResourceCommand({ ResourceName }),
      new AddTagsToResourceCommand({ ResourceName, Tags: [{ Key: "a" }] }),
      new RemoveTagsFromResourceCommand({ ResourceName, TagKeys: ["a"] }),
    ];
    for (const call of calls)
      expect(await refusal(session.rds.send(call as ListTagsForResourceCommand))).toMatchObject({
        name,
        status,
      });
  });
});

describe("who may call", () => {
  test.each([
    [
      "a wrong secret",
      { credentials: { ...credentials, secretAccessKey: "wrong" } },
      "SignatureDoesNotMatch",
    ],
    [
      "an unknown key",
      { credentials: { ...credentials, accessKeyId: "AKIDNOBODY" } },
      "InvalidClientTokenId",
    ],
    ["another region", { region: "eu-central-1" }, "SignatureDoesNotMatch"],
  ])("nobody with %s", async (_, over, name) => {
    const stranger = rdsClient(session.service, over);
    expect(await refusal(stranger.send(new DescribeIntegrationsCommand({})))).toMatchObject({
      name,
      status: 403,
    });
    stranger.destroy();
  });

  test("nobody whose request was changed on the way, or is 16 minutes old", async () => {
    const tampered = rdsClient(session.service);
    tampered.middlewareStack.add(
      (next) => (step) => {
        const request = step.request as { body: string };
        request.body = request.body.replace("MaxRecords=20", "MaxRecords=30");
        return next(step);
      },
      { step: "deserialize", priority: "low" },
    );
    const call = tampered.send(new DescribeIntegrationsCommand({ MaxRecords: 20 }));
    expect(await refusal(call)).toMatchObject({ name: "SignatureDoesNotMatch", status: 403 });
    tampered.destroy();
    await using late = await RdsSession.start({ now: () => new Date(Date.now() + 16 * 60_000) });
    expect(await refusal(late.rds.send(new DescribeIntegrationsCommand({})))).toMatchObject({
      name: "SignatureDoesNotMatch",
      status: 403,
      message: expect.stringContaining("Signature expired"),
    });
  });
});

test("a failure of the catalog is an InternalFailure that says nothing of the inside", async () => {
  await using broken = await RdsSession.start();
  await broken.service.catalog[Symbol.asyncDispose]();
  expect(await refusal(broken.rds.send(new DescribeIntegrationsCommand({})))).toEqual({
    name: "InternalFailure",
    status: 500,
    message: "The request processing has failed because of an unknown error, exception or failure.",
  });
});
