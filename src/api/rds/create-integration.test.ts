import {
  CreateIntegrationCommand,
  DescribeIntegrationsCommand,
  type CreateIntegrationCommandInput,
  type Integration,
} from "@aws-sdk/client-rds";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, region, sourceArn, sources, targets } from "../../../test/support/aws-service.ts";
import { idOf, RdsSession, refusal } from "../../../test/support/rds-session.ts";

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

describe("CreateIntegration", () => {
  test("answers the whole record, and describe gives the same by uuid, ARN and name", async () => {
    const parameters = session.request({
      Description: "Straße <&> \"'",
      Tags: [{ Key: "team", Value: "data" }, { Key: "x" }],
    });
    const before = Date.now();
    const { $metadata, ...created } = await session.rds.send(new CreateIntegrationCommand(parameters));
    expect($metadata.httpStatusCode).toBe(200);
    expect($metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(created).toEqual({
      ...parameters,
      IntegrationArn: expect.stringMatching(
        new RegExp(`^arn:aws:rds:${region}:${account}:integration:[0-9a-f-]{36}$`),
      ),
      KMSKeyId: `arn:aws:kms:${region}:${account}:key/00000000-0000-4000-8000-000000000000`,
      AdditionalEncryptionContext: {},
      Status: "creating",
      Errors: [],
      Tags: [
        { Key: "team", Value: "data" },
        { Key: "x", Value: "" },
      ],
      CreateTime: expect.any(Date),
    });
    expect(Math.abs(Number(created.CreateTime?.getTime()) - before)).toBeLessThan(10_000);
    for (const identifier of [idOf(created), created.IntegrationArn, created.IntegrationName])
      expect(await describeOne(identifier ?? "")).toEqual(created);
  });

  test("a description that was never given is not answered", async () => {
    expect(await session.create()).not.toHaveProperty("Description");
    expect(await session.create({ Description: "" })).toHaveProperty("Description", "");
  });

  test("every form of a target's ARN is the same target", async () => {
    const [arn = "", id] = [targets[39]?.arn, targets[39]?.namespaceId];
    const forms = [
      arn,
      `arn:aws:redshift:${region}:${account}:namespace:${id}`,
      `arn:aws:redshift-serverless:${region}:${account}:namespace:${id}`,
    ];
    for (const [index, TargetArn] of forms.entries())
      expect(await session.create({ SourceArn: sources[index]?.arn, TargetArn })).toHaveProperty(
        "TargetArn",
        arn,
      );
  });

  test("MySQL has a default filter of its own grammar", async () => {
    const { DataFilter: _, ...rest } = session.request({
      SourceArn: sourceArn("books"),
      TargetArn: targets[38]?.arn,
    });
    expect(await session.rds.send(new CreateIntegrationCommand(rest))).toHaveProperty(
      "DataFilter",
      "include: *.*",
    );
  });

  const message = {
    include: "Your data filter must contain at least one include statement",
    unique: "Integration names must be unique within an account",
  };

  test.each<[string, Partial<CreateIntegrationCommandInput>, string, number, string]>([
    ["no name", { IntegrationName: undefined }, "MissingParameter", 400, "IntegrationName"],
    ["no source", { SourceArn: undefined }, "MissingParameter", 400, "SourceArn"],
    ["no target", { TargetArn: undefined }, "MissingParameter", 400, "TargetArn"],
    ["an empty name", { IntegrationName: "" }, "InvalidParameterValue", 400, "IntegrationName"],
    ["a name with 64 characters", { IntegrationName: "a".repeat(64) }, "InvalidParameterValue", 400, "63"],
    [
      "a name with two hyphens in a row",
      { IntegrationName: "a--b" },
      "InvalidParameterValue",
      400,
      "pattern",
    ],
    ["a name that ends in a hyphen", { IntegrationName: "a-" }, "InvalidParameterValue", 400, "pattern"],
    ["a name that begins with a digit", { IntegrationName: "1a" }, "InvalidParameterValue", 400, "pattern"],
    [
      "a name that would make a regex run away",
      { IntegrationName: `${"a".repeat(62)}!` },
      "InvalidParameterValue",
      400,
      "pattern",
    ],
    ["an unknown instance", { SourceArn: sourceArn("nobody") }, "DBInstanceNotFoundFault", 404, "nobody"],
    [
      "an unknown cluster",
      { SourceArn: `arn:aws:rds:${region}:${account}:cluster:nobody` },
      "DBClusterNotFoundFault",
      404,
      "nobody",
    ],
    [
      "a source of another account",
      { SourceArn: "arn:aws:rds:us-east-1:999999999999:db:shop" },
      "DBInstanceNotFoundFault",
      404,
      `The ARN of shop is ${sourceArn("shop")}.`,
    ],
    [
      "a target of another account",
      {
        TargetArn: `arn:aws:redshift:${region}:999999999999:namespace:11111111-2222-4333-8444-555555555555`,
      },
      "InvalidParameterValue",
      400,
      `This endpoint serves account ${account} in region ${region}.`,
    ],
    ["a source that is no ARN", { SourceArn: "shop" }, "InvalidParameterValue", 400, "SourceArn"],
    ["a target that is no ARN", { TargetArn: "x".repeat(30) }, "InvalidParameterValue", 400, "TargetArn"],
    ["a target that is too short", { TargetArn: "arn:aws:redshift" }, "InvalidParameterValue", 400, "20"],
    [
      "an unknown target",
      { TargetArn: `arn:aws:redshift:${region}:${account}:namespace:99999999-2222-4333-8444-555555555555` },
      "InvalidParameterValue",
      400,
      "no data warehouse",
    ],
    ["no filter", { DataFilter: undefined }, "InvalidParameterValue", 400, message.include],
    ["an exclude alone", { DataFilter: "exclude: a.b.c" }, "InvalidParameterValue", 400, message.include],
    ["an empty filter", { DataFilter: "" }, "InvalidParameterValue", 400, "DataFilter"],
    ["a filter in MySQL's grammar", { DataFilter: "include: a.b" }, "InvalidParameterValue", 400, "parts"],
    ["a filter with a quote", { DataFilter: "include: a.b.c'" }, "InvalidParameterValue", 400, "pattern"],
    [
      "a filter that is too long",
      { DataFilter: `include: a.b.${"c".repeat(25_600)}` },
      "InvalidParameterValue",
      400,
      "25600",
    ],
    [
      "a description with 1001 characters",
      { Description: "x".repeat(1_001) },
      "InvalidParameterValue",
      400,
      "1000",
    ],
    ["a description with a line break", { Description: "a\nb" }, "InvalidParameterValue", 400, "pattern"],
    ["a description with a bad character", { Description: "a\u0001b" }, "InvalidParameterValue", 400, "XML"],
    [
      "a customer's key",
      { KMSKeyId: "alias/mine" },
      "KMSKeyNotAccessibleFault",
      400,
      "No keys are configured",
    ],
    [
      "an encryption context without a key",
      { AdditionalEncryptionContext: { a: "b" } },
      "InvalidParameterCombination",
      400,
      "KMSKeyId",
    ],
    [
      "a tag with a bad character",
      { Tags: [{ Key: "a", Value: "b!" }] },
      "InvalidParameterValue",
      400,
      "Tag values may only contain unicode letters, digits, whitespace, or one of these symbols:",
    ],
    [
      "a reserved tag",
      { Tags: [{ Key: "aws:a", Value: "b" }] },
      "InvalidParameterValue",
      400,
      'reserved prefix "aws:"',
    ],
    [
      "a reserved tag value",
      { Tags: [{ Key: "a", Value: "RDS:b" }] },
      "InvalidParameterValue",
      400,
      'Tag values cannot start with the reserved prefix "rds:"',
    ],
    [
      "a tag value with 257 characters of four bytes",
      { Tags: [{ Key: "a", Value: "𝒂".repeat(257) }] },
      "InvalidParameterValue",
      400,
      "256",
    ],
    ["a tag without a key", { Tags: [{ Value: "b" }] }, "MissingParameter", 400, "Tags.Tag.1.Key"],
    ["a tag twice", { Tags: [{ Key: "a" }, { Key: "a" }] }, "InvalidParameterValue", 400, "twice"],
    [
      "51 tags",
      { Tags: Array.from({ length: 51 }, (_, index) => ({ Key: `k${index}` })) },
      "InvalidParameterValue",
      400,
      "50",
    ],
  ])("with %s is refused", async (...[, over, name, status, hint]) => {
    const call = session.rds.send(new CreateIntegrationCommand(session.request(over)));
    expect(await refusal(call)).toEqual({ name, status, message: expect.stringContaining(hint) });
  });

  test("lengths are counted in Unicode characters", async () => {
    const Tags = [{ Key: "𝒌".repeat(128), Value: "𝒂".repeat(256) }];
    const Description = "🦆".repeat(1_000);
    expect(await session.create({ Tags, Description })).toMatchObject({ Tags, Description });
  });

  test("a name that is taken, and a pair that is taken", async () => {
    const first = await session.create();
    const { IntegrationName, SourceArn, TargetArn } = first;
    const sameName = session.create({ IntegrationName: IntegrationName?.toUpperCase() });
    expect(await refusal(sameName)).toEqual({
      name: "IntegrationConflictOperationFault",
      status: 400,
      message: expect.stringContaining(message.unique),
    });
    expect(await refusal(session.create({ SourceArn, TargetArn }))).toMatchObject({
      name: "IntegrationAlreadyExistsFault",
      status: 400,
    });
  });

  test("quotas per account, target and source", async () => {
    await using small = await RdsSession.start({ quotas: { perAccount: 4, perTarget: 2, perSource: 3 } });
    const attempt = (name: string, source: number, target: number): Promise<Integration> =>
      small.rds.send(
        new CreateIntegrationCommand({
          IntegrationName: name,
          SourceArn: sources[source]?.arn,
          TargetArn: targets[target]?.arn,
          DataFilter: "include: shop.*.*",
        }),
      );
    await attempt("a", 0, 0);
    await attempt("b", 1, 0);
    expect(await refusal(attempt("c", 2, 0))).toEqual({
      name: "IntegrationQuotaExceededFault",
      status: 400,
      message: "You can't create more than 2 integrations with one target.",
    });
    await attempt("d", 0, 1);
    await attempt("e", 0, 2);
    expect(await refusal(attempt("f", 0, 3))).toMatchObject({ name: "IntegrationQuotaExceededFault" });
  });
});
