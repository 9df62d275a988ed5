import {
  AddTagsToResourceCommand,
  CreateIntegrationCommand,
  DeleteIntegrationCommand,
  DescribeDBInstancesCommand,
  DescribeEventsCommand,
  DescribeIntegrationsCommand,
  ListTagsForResourceCommand,
  ModifyIntegrationCommand,
  paginateDescribeIntegrations,
  RemoveTagsFromResourceCommand,
  type Integration,
  type RDSClient,
} from "@aws-sdk/client-rds";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, region, sourceArn, targets } from "../../../test/support/aws-service.ts";
import { queryCall, type QueryAnswer } from "../../../test/support/query-call.ts";
import { RawConnection } from "../../../test/support/raw-http.ts";
import { signedHeaders } from "../../../test/support/signing.ts";
import { idOf, rdsClient, RdsSession, refusal, type Refusal } from "../../../test/support/rds-session.ts";

const all = `arn:aws:rds:${region}:${account}:integration:*`;

let session: RdsSession;
const clients: RDSClient[] = [];

beforeAll(async () => {
  session = await RdsSession.start();
});

afterAll(async () => {
  for (const client of clients) client.destroy();
  await session[Symbol.asyncDispose]();
});

type Statement = Readonly<Record<string, unknown>>;

/** A client of `ann`, whose key has these statements as its policy. */
async function clientWith(...Statement: Statement[]): Promise<RDSClient> {
  const key = await session.service.keys.create("ann", { Version: "2012-10-17", Statement });
  const credentials = { accessKeyId: key.id, secretAccessKey: key.secret.reveal() };
  const client = rdsClient(session.service, { credentials });
  clients.push(client);
  return client;
}

const allow = (Action: unknown, Resource: unknown = "*", Condition: object = {}): Statement => ({
  Effect: "Allow",
  Action,
  Resource,
  Condition,
});
const deny = (Action: unknown, Resource: unknown = "*", Condition: object = {}): Statement => ({
  ...allow(Action, Resource, Condition),
  Effect: "Deny",
});

function denied(action: string, resource: string, why?: "explicit"): Refusal {
  const reason =
    why === undefined
      ? `because no identity-based policy allows the ${action} action`
      : "with an explicit deny in an identity-based policy";
  return {
    name: "AccessDenied",
    status: 403,
    message: `User: arn:aws:iam::${account}:user/ann is not authorized to perform: ${action} on resource: ${resource} ${reason}`,
  };
}

describe("CreateIntegration", () => {
  const guide = (source: string, target: string): Statement[] => [
    allow("rds:CreateIntegration", [source, all]),
    allow("redshift:CreateInboundIntegration", target),
  ];

  test("is granted by the sample policy of AWS's guide, and by no part of it alone", async () => {
    const desired = session.request();
    const [source = "", target = ""] = [desired.SourceArn, desired.TargetArn];
    const attempt = async (...statements: Statement[]): Promise<Refusal> =>
      refusal((await clientWith(...statements)).send(new CreateIntegrationCommand(desired)));
    expect(await attempt(allow("rds:CreateIntegration", all))).toEqual(
      denied("rds:CreateIntegration", source),
    );
    expect(await attempt(allow("rds:CreateIntegration", source))).toEqual(
      denied("rds:CreateIntegration", all),
    );
    expect(await attempt(allow("rds:*"))).toEqual(denied("redshift:CreateInboundIntegration", target));
    expect(await attempt(...guide(source, target), deny("redshift:*", target))).toEqual(
      denied("redshift:CreateInboundIntegration", target, "explicit"),
    );
    const client = await clientWith(...guide(source, target));
    const made = await client.send(new CreateIntegrationCommand(desired));
    expect(made).toMatchObject({ IntegrationName: desired.IntegrationName, Status: "creating" });
  });

  test("a target is the same in all forms of its ARN", async () => {
    const desired = session.request();
    const client = await clientWith(...guide("*", desired.TargetArn ?? ""));
    const TargetArn = desired.TargetArn?.replace("redshift-serverless", "redshift").replace(
      "namespace/",
      "namespace:",
    );
    expect(await client.send(new CreateIntegrationCommand({ ...desired, TargetArn }))).toMatchObject({
      TargetArn: desired.TargetArn,
    });
  });

  test("tags need rds:AddTagsToResource, and a policy can ask for some", async () => {
    const desired = session.request({ Tags: [{ Key: "Team", Value: "data" }, { Key: "x" }] });
    const create = new CreateIntegrationCommand(desired);
    const rights = guide("*", "*");
    expect(await refusal((await clientWith(...rights)).send(create))).toEqual(
      denied("rds:AddTagsToResource", all),
    );
    const asks = (Condition: object): Promise<RDSClient> =>
      clientWith(...rights, allow("rds:AddTagsToResource"), deny("rds:CreateIntegration", "*", Condition));
    for (const Condition of [
      { StringNotEquals: { "aws:RequestTag/team": "web" } },
      { "ForAnyValue:StringNotEquals": { "aws:TagKeys": ["Team"] } },
      { Null: { "aws:RequestTag/x": "false" } },
    ])
      expect(await refusal((await asks(Condition)).send(create))).toEqual(
        denied("rds:CreateIntegration", desired.SourceArn ?? "", "explicit"),
      );
    const met = await asks({ StringNotEquals: { "aws:RequestTag/team": "data" } });
    expect(await met.send(create)).toMatchObject({ IntegrationName: desired.IntegrationName });
  });

  test("whether a source or a target exists is told to those alone that may use it", async () => {
    const client = await clientWith(...guide(sourceArn("shop"), targets[0]?.arn ?? ""));
    const attempt = (SourceArn: string, TargetArn = targets[0]?.arn): Promise<Refusal> =>
      refusal(client.send(new CreateIntegrationCommand(session.request({ SourceArn, TargetArn }))));
    for (const arn of [sourceArn("nobody"), sourceArn("books")])
      expect(await attempt(arn)).toEqual(denied("rds:CreateIntegration", arn));
    for (const end of ["000000000001", "999999999999"]) {
      const arn = `arn:aws:redshift:${region}:${account}:namespace:11111111-2222-4333-8444-${end}`;
      const shown = `arn:aws:redshift-serverless:${region}:${account}:namespace/11111111-2222-4333-8444-${end}`;
      expect(await attempt(sourceArn("shop"), arn)).toEqual(
        denied("redshift:CreateInboundIntegration", shown),
      );
    }
  });

  test("a pair that is taken by an integration which the key may not see: its name is not told", async () => {
    const { SourceArn, TargetArn, IntegrationName = "" } = await session.create();
    const create = new CreateIntegrationCommand(session.request({ SourceArn, TargetArn }));
    const blind = await refusal((await clientWith(...guide("*", "*"))).send(create));
    expect(blind.name).toBe("IntegrationAlreadyExistsFault");
    expect(blind.message).not.toContain(IntegrationName);
    const seeing = await clientWith(...guide("*", "*"), allow("rds:DescribeIntegrations"));
    expect((await refusal(seeing.send(create))).message).toContain(IntegrationName);
  });
});

/** Every action on one integration that is named by its ARN. */
const actions: Readonly<Record<string, (client: RDSClient, arn: string) => Promise<unknown>>> = {
  "rds:DescribeIntegrations": (client, IntegrationIdentifier) =>
    client.send(new DescribeIntegrationsCommand({ IntegrationIdentifier })),
  "rds:ModifyIntegration": (client, IntegrationIdentifier) =>
    client.send(new ModifyIntegrationCommand({ IntegrationIdentifier, Description: "changed" })),
  "rds:ListTagsForResource": (client, ResourceName) =>
    client.send(new ListTagsForResourceCommand({ ResourceName })),
  "rds:AddTagsToResource": (client, ResourceName) =>
    client.send(new AddTagsToResourceCommand({ ResourceName, Tags: [{ Key: "a" }] })),
  "rds:RemoveTagsFromResource": (client, ResourceName) =>
    client.send(new RemoveTagsFromResourceCommand({ ResourceName, TagKeys: ["a"] })),
  "rds:DeleteIntegration": (client, IntegrationIdentifier) =>
    client.send(new DeleteIntegrationCommand({ IntegrationIdentifier })),
};

describe.each(Object.entries(actions))("%s", (action, act) => {
  test("is granted on what a policy names, and refused on the rest", async () => {
    const [mine, other] = [await session.active(), await session.active()];
    const client = await clientWith(allow(action, mine.IntegrationArn), allow("rds:DescribeIntegrations"));
    if (action !== "rds:DescribeIntegrations")
      expect(await refusal(act(client, other.IntegrationArn ?? ""))).toEqual(
        denied(action, other.IntegrationArn ?? ""),
      );
    await act(client, mine.IntegrationArn ?? "");
  });

  test("is granted by the tags that the integration has", async () => {
    const mine = await session.active({ Tags: [{ Key: "Owner", Value: "ann" }] });
    const other = await session.active({ Tags: [{ Key: "Owner", Value: "bob" }] });
    const Condition = { StringEquals: { "aws:ResourceTag/owner": "${aws:username}" } };
    const client = await clientWith(allow("rds:*", "*", Condition));
    expect(await refusal(act(client, other.IntegrationArn ?? ""))).toEqual(
      denied(action, other.IntegrationArn ?? ""),
    );
    await act(client, mine.IntegrationArn ?? "");
  });

  test("answers who may not describe an integration as if it did not exist", async () => {
    const hidden = await session.active({ Tags: [{ Key: "secret", Value: "yes" }] });
    const absent = "00000000-0000-4000-8000-000000000000";
    const Condition = { StringEquals: { "aws:ResourceTag/secret": "yes" } };
    const clientsOf = [
      await clientWith(allow("rds:*"), deny("*", "*", Condition)),
      await clientWith(allow("rds:*", sourceArn("shop"))),
      await clientWith(allow("rds:*", "*", { StringEquals: { "aws:ResourceTag/secret": "no" } })),
    ];
    const answers = new Set<string>();
    for (const client of clientsOf) {
      const [one, two] = [
        await refusal(act(client, hidden.IntegrationArn ?? "")),
        await refusal(act(client, hidden.IntegrationArn?.replace(idOf(hidden), absent) ?? "")),
      ];
      expect({ ...one, message: one.message.replace(idOf(hidden), absent) }).toEqual(two);
      answers.add(one.name);
    }
    expect(answers).toEqual(new Set(["IntegrationNotFoundFault", "AccessDenied"]));
    expect(await session.service.catalog.find(idOf(hidden))).toMatchObject({
      status: "active",
      description: undefined,
      tags: [{ key: "secret", value: "yes" }],
    });
  });
});

describe("names", () => {
  test("say neither more nor less than ARNs", async () => {
    const { IntegrationName = "", IntegrationArn = "" } = await session.active();
    const client = await clientWith(allow("rds:ModifyIntegration", IntegrationArn));
    const modify = (IntegrationIdentifier: string): Promise<Integration> =>
      client.send(new ModifyIntegrationCommand({ IntegrationIdentifier, Description: "by name" }));
    expect(await modify(IntegrationName)).toMatchObject({ IntegrationArn, Description: "by name" });
    const blind = await clientWith(allow("rds:ModifyIntegration", `${all}x`));
    for (const IntegrationIdentifier of [IntegrationName, "nobody"])
      expect(await refusal(blind.send(new ModifyIntegrationCommand({ IntegrationIdentifier })))).toEqual(
        denied("rds:ModifyIntegration", all.replace("*", IntegrationIdentifier)),
      );
  });
});

describe("lists", () => {
  test("need the action on all, as at AWS", async () => {
    const { IntegrationArn } = await session.create();
    const client = await clientWith(allow("rds:DescribeIntegrations", IntegrationArn));
    expect(await refusal(client.send(new DescribeIntegrationsCommand({})))).toEqual(
      denied("rds:DescribeIntegrations", all),
    );
  });

  test("leave out what the key may not see, in full pages", async () => {
    await using busy = await RdsSession.start();
    const shown: string[] = [];
    for (let index = 0; index < 60; index += 1) {
      const isHidden = index % 3 === 0 || (index > 20 && index < 45);
      const Tags = isHidden ? [{ Key: "secret", Value: "yes" }] : [];
      const { IntegrationArn = "" } = await busy.create({ Tags });
      if (!isHidden) shown.push(IntegrationArn);
    }
    const Condition = { Null: { "aws:ResourceTag/secret": "false" } };
    const key = await busy.service.keys.create("ann", {
      Statement: [allow("rds:Describe*"), deny("rds:Describe*", "*", Condition)],
    });
    const credentials = { accessKeyId: key.id, secretAccessKey: key.secret.reveal() };
    const client = rdsClient(busy.service, { credentials });
    clients.push(client);
    const pages: string[][] = [];
    for await (const page of paginateDescribeIntegrations({ client, pageSize: 20 }, {}))
      pages.push((page.Integrations ?? []).map(({ IntegrationArn = "" }) => IntegrationArn));
    expect(pages.flat()).toEqual(shown);
    expect(pages.slice(0, -1).every((page) => page.length === 20)).toBe(true);
  });
});

describe("what is known of a request", () => {
  test.each([
    ["aws:username", { StringEquals: { "aws:username": "ann" } }],
    ["aws:userid", { StringEquals: { "aws:userid": "ann" } }],
    ["aws:PrincipalArn", { ArnEquals: { "aws:PrincipalArn": `arn:aws:iam::${account}:user/ann` } }],
    ["aws:PrincipalAccount", { StringEquals: { "aws:PrincipalAccount": account } }],
    ["aws:PrincipalType", { StringEquals: { "aws:PrincipalType": "User" } }],
    ["aws:RequestedRegion", { StringEquals: { "aws:RequestedRegion": region } }],
    ["aws:SecureTransport", { Bool: { "aws:SecureTransport": "false" } }],
    ["aws:CurrentTime", { DateGreaterThan: { "aws:CurrentTime": "2026-01-01T00:00:00Z" } }],
    ["aws:EpochTime", { NumericGreaterThan: { "aws:EpochTime": "1767225600" } }],
    ["no tag", { Null: { "aws:TagKeys": "true" } }],
  ])("%s", async (_, Condition) => {
    const describeAll = new DescribeIntegrationsCommand({});
    const client = await clientWith(allow("rds:DescribeIntegrations", "*", Condition));
    await client.send(describeAll);
    const refused = await clientWith(allow("rds:*"), deny("rds:DescribeIntegrations", "*", Condition));
    expect(await refusal(refused.send(describeAll))).toEqual(
      denied("rds:DescribeIntegrations", all, "explicit"),
    );
  });
});

describe("what a policy denies", () => {
  const cluster = (arn = ""): string =>
    arn.replace("redshift-serverless", "redshift").replace("namespace/", "namespace:");

  test("is denied under each of the ARNs of a namespace, and left out under each", async () => {
    const desired = session.request();
    const create = new CreateIntegrationCommand(desired);
    const { TargetArn: serverless = "" } = desired;
    for (const arn of [serverless, cluster(serverless)]) {
      const client = await clientWith(allow("*"), deny("redshift:*", arn));
      expect(await refusal(client.send(create))).toEqual(
        denied("redshift:CreateInboundIntegration", serverless, "explicit"),
      );
      const others = { ...deny("redshift:*"), Resource: undefined, NotResource: cluster(targets[39]?.arn) };
      expect((await refusal((await clientWith(allow("*"), others)).send(create))).name).toBe("AccessDenied");
    }
    const butThis = { ...deny("redshift:*"), Resource: undefined, NotResource: cluster(serverless) };
    await (await clientWith(allow("*"), butThis)).send(create);
  });

  test("a database is the same in any case, and a denied one is not listed", async () => {
    const arn = sourceArn("shop");
    const client = await clientWith(allow("*"), deny("rds:DescribeDBInstances", arn));
    for (const DBInstanceIdentifier of ["shop", "SHOP", arn, arn.replace("shop", "Shop")])
      expect(await refusal(client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier })))).toEqual(
        denied("rds:DescribeDBInstances", arn, "explicit"),
      );
    const { DBInstances = [] } = await client.send(new DescribeDBInstancesCommand({}));
    const names = DBInstances.map(({ DBInstanceIdentifier }) => DBInstanceIdentifier);
    expect(names).toContain("books");
    expect(names).not.toContain("shop");
  });

  test("no list shows: integrations, their events, and what comes into the warehouse", async () => {
    const hidden = await session.create();
    const shown = await session.create();
    const client = await clientWith(allow("*"), deny("*", hidden.IntegrationArn));
    const { Integrations = [] } = await client.send(new DescribeIntegrationsCommand({}));
    const { Events = [] } = await client.send(new DescribeEventsCommand({}));
    const listed = [
      Integrations.map(({ IntegrationArn }) => IntegrationArn),
      Events.map(({ SourceArn }) => SourceArn),
    ];
    for (const arns of listed) {
      expect(arns).toContain(shown.IntegrationArn);
      expect(arns).not.toContain(hidden.IntegrationArn);
    }
    const ofHidden = { SourceType: "zero-etl", SourceIdentifier: hidden.IntegrationName } as const;
    expect((await client.send(new DescribeEventsCommand(ofHidden))).Events).toEqual([]);
    await client.send(new DescribeEventsCommand({ ...ofHidden, SourceIdentifier: shown.IntegrationName }));
  });

  test.each([
    ["the integration", (integration: Integration) => deny("*", integration.IntegrationArn)],
    ["seeing it", (integration: Integration) => deny("rds:DescribeIntegrations", integration.IntegrationArn)],
    ["its namespace", (integration: Integration) => deny("redshift:*", cluster(integration.TargetArn))],
  ])("DescribeInboundIntegrations leaves it out, by ARN as well: %s", async (_, statementOf) => {
    const hidden = await session.create({ TargetArn: targets[38]?.arn });
    const shown = await session.create({ TargetArn: targets[37]?.arn });
    const key = await session.service.keys.create("ann", { Statement: [allow("*"), statementOf(hidden)] });
    const credentials = { accessKeyId: key.id, secretAccessKey: key.secret.reveal() };
    const inbound = (parameters: Readonly<Record<string, string>>): Promise<QueryAnswer> =>
      queryCall(session.service, {
        service: "redshift",
        version: "2012-12-01",
        action: "DescribeInboundIntegrations",
        parameters,
        credentials,
      });
    const { text } = await inbound({ MaxRecords: "100" });
    expect(text).toContain(shown.IntegrationArn);
    expect(text).not.toContain(hidden.IntegrationArn);
    const byArn = await inbound({ IntegrationArn: hidden.IntegrationArn ?? "" });
    expect([byArn.status, byArn.text]).toEqual([404, expect.stringContaining("IntegrationNotFoundFault")]);
  });

  test("a request line that claims https does not make a connection secure", async () => {
    const condition = { Bool: { "aws:SecureTransport": "false" } };
    const key = await session.service.keys.create("ann", {
      Statement: [allow("*"), deny("*", "*", condition)],
    });
    const credentials = { accessKeyId: key.id, secretAccessKey: key.secret.reveal() };
    const body = "Action=DescribeIntegrations&Version=2014-10-31";
    const headers = await signedHeaders(session.service.url, { credentials, body });
    const { host } = new URL(session.service.url);
    for (const target of ["/", `http://${host}/`, `https://${host}/`]) {
      using connection = await RawConnection.open(session.service.url);
      const lines = Object.entries({ host, ...headers, "content-length": body.length });
      const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
      const answer = await connection.exchange(Buffer.from(`POST ${target} HTTP/1.1\r\n${head}\r\n${body}`));
      expect([answer?.status, answer?.body]).toEqual([403, expect.stringContaining("explicit deny")]);
    }
  });
});

describe("keys", () => {
  test("a disabled key is unknown at once, an enabled one works again, a deleted one is gone", async () => {
    const key = await session.service.keys.create("bob", undefined);
    const credentials = { accessKeyId: key.id, secretAccessKey: key.secret.reveal() };
    const client = rdsClient(session.service, { credentials });
    clients.push(client);
    const call = (): Promise<unknown> => client.send(new DescribeIntegrationsCommand({}));
    const unknown = {
      name: "InvalidClientTokenId",
      status: 403,
      message: "The security token included in the request is invalid.",
    };
    await call();
    await session.service.keys.setEnabled(key.id, false);
    expect(await refusal(call())).toEqual(unknown);
    await session.service.keys.setEnabled(key.id, true);
    await call();
    await session.service.keys.delete(key.id);
    expect(await refusal(call())).toEqual(unknown);
  });

  test("a rotated key has another secret and the same policy; both work", async () => {
    const first = await session.service.keys.create("ann", {
      Statement: [allow("rds:DescribeIntegrations")],
    });
    const second = await session.service.keys.rotate(first.id);
    expect(second.user).toBe("ann");
    expect(second.secret.reveal()).not.toBe(first.secret.reveal());
    for (const { id, secret } of [first, second]) {
      const credentials = { accessKeyId: id, secretAccessKey: secret.reveal() };
      const client = rdsClient(session.service, { credentials });
      clients.push(client);
      await client.send(new DescribeIntegrationsCommand({}));
      const call = client.send(new DeleteIntegrationCommand({ IntegrationIdentifier: "nobody" }));
      expect((await refusal(call)).name).toBe("AccessDenied");
    }
  });

  test("the catalog does not hold the secret as it is", async () => {
    const key = await session.service.keys.create("ann", undefined);
    const stored = await session.service.catalog.accessKeys.find(key.id);
    expect(stored).toMatchObject({ user: "ann", isEnabled: true, policy: undefined });
    const bytes = Buffer.from(stored?.sealedSecret ?? "", "base64");
    expect(stored?.sealedSecret).not.toContain(key.secret.reveal());
    expect(bytes.includes(key.secret.reveal())).toBe(false);
    expect(JSON.stringify(await session.service.keys.list())).not.toContain(key.secret.reveal());
  });
});
