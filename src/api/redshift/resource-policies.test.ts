import { CreateIntegrationCommand, type RDSClient } from "@aws-sdk/client-rds";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { account, credentials, region, sourceArn, targets } from "../../../test/support/aws-service.ts";
import { queryCall, type QueryAnswer } from "../../../test/support/query-call.ts";
import { rdsClient, RdsSession, refusal, type Refusal } from "../../../test/support/rds-session.ts";

let session: RdsSession;
const clients: RDSClient[] = [];

beforeAll(async () => {
  session = await RdsSession.start();
});

afterAll(async () => {
  for (const client of clients) client.destroy();
  await session[Symbol.asyncDispose]();
});

const target = targets[0]?.arn ?? "";
const colons = target.replace("redshift-serverless", "redshift").replace("namespace/", "namespace:");

afterEach(async () => {
  await session.service.catalog.resourcePolicies.remove(target);
});

type Statement = Readonly<Record<string, unknown>>;

function call(
  action: string,
  parameters: Readonly<Record<string, string>>,
  identity: typeof credentials = credentials,
): Promise<QueryAnswer> {
  const query = { service: "redshift", version: "2012-12-01", action, parameters };
  return queryCall(session.service, { ...query, credentials: identity });
}

async function refused(
  action: string,
  parameters: Readonly<Record<string, string>>,
): Promise<{ code: string; message: string }> {
  const { status, xml } = await call(action, parameters);
  const { ErrorResponse } = xml as { ErrorResponse: { Error: { Code: string; Message: string } } };
  return { code: `${status} ${ErrorResponse.Error.Code}`, message: ErrorResponse.Error.Message };
}

async function put(...statements: Statement[]): Promise<void> {
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  const { status, text } = await call("PutResourcePolicy", { ResourceArn: target, Policy });
  if (status !== 200) throw new Error(text);
}

const authorize = (Condition: object = {}, Effect = "Allow"): Statement => ({
  Effect,
  Principal: { Service: "redshift.amazonaws.com" },
  Action: "redshift:AuthorizeInboundIntegration",
  Condition,
});
const inbound = (Principal: unknown, Effect = "Allow"): Statement => ({
  Effect,
  Principal,
  Action: "redshift:CreateInboundIntegration",
});

/** The credentials of a new key of `ann`, whose policy has these statements. */
async function keyWith(...Statement: Statement[]): Promise<typeof credentials> {
  const { id, secret } = await session.service.keys.create("ann", { Version: "2012-10-17", Statement });
  return { accessKeyId: id, secretAccessKey: secret.reveal() };
}

async function clientWith(...statements: Statement[]): Promise<RDSClient> {
  const client = rdsClient(session.service, { credentials: await keyWith(...statements) });
  clients.push(client);
  return client;
}

const policyText =
  '{\n  "Id": "é <&>",\n  "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "redshift:*"}]\n}';

test("a policy is put, got and deleted under both forms of the namespace's ARN, and shown under the canonical one", async () => {
  const answer = { ResourcePolicy: { ResourceArn: target, Policy: policyText } };
  expect((await call("PutResourcePolicy", { ResourceArn: colons, Policy: policyText })).xml).toMatchObject({
    PutResourcePolicyResponse: { PutResourcePolicyResult: answer },
  });
  for (const ResourceArn of [target, colons])
    expect((await call("GetResourcePolicy", { ResourceArn })).xml).toMatchObject({
      GetResourcePolicyResponse: { GetResourcePolicyResult: answer },
    });
  const gone = await call("DeleteResourcePolicy", { ResourceArn: colons });
  expect([gone.status, gone.text.includes("Result>")]).toEqual([200, false]);
  for (const action of ["GetResourcePolicy", "DeleteResourcePolicy"])
    expect(await refused(action, { ResourceArn: target })).toEqual({
      code: "404 ResourceNotFoundFault",
      message: `The namespace ${target} has no resource policy.`,
    });
});

test.each([
  [target.replace(/.$/, "f"), "404 ResourceNotFoundFault"],
  [target.replace(account, "999999999999"), "404 ResourceNotFoundFault"],
  [`arn:aws:redshift:${region}:${account}:cluster:target-0`, "400 UnsupportedOperation"],
  ["target-0", "400 UnsupportedOperation"],
])("the resource %s is answered with %s", async (ResourceArn, code) => {
  for (const action of ["PutResourcePolicy", "GetResourcePolicy", "DeleteResourcePolicy"])
    expect((await refused(action, { ResourceArn, Policy: policyText })).code).toBe(code);
});

test.each([
  ["", "The policy is not valid JSON: line 1, column 1: a value was expected."],
  ['{\n"Statement": [}', "The policy is not valid JSON: line 2, column 15: a value was expected."],
  ['{"Statement": [], "Statement": []}', "is given twice."],
  ['{"Statement": {"Effect": "Allow"}}', "The policy is not valid: Statement must have Principal."],
  [
    '{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "ann"}, "Action": "*"}]}',
    'The policy is not valid: Statement[0].Principal.AWS has "ann", which must be the number of an account',
  ],
  ['{"__proto__": {"Statement": 1}}', "__proto__ is not allowed here; known are Statement, Version, Id"],
  ["[".repeat(200_000), "it is nested deeper than 64"],
  [`{"${"x".repeat(500_000)}": 1}`, "The policy must have at most 10240 characters"],
])("a policy that is not valid is refused with what is wrong and where: %#", async (Policy, sentence) => {
  const { code, message } = await refused("PutResourcePolicy", { ResourceArn: target, Policy });
  expect(code).toBe("400 InvalidPolicyFault");
  expect(message).toContain(sentence);
  expect(message.length).toBeLessThan(500);
  expect((await refused("GetResourcePolicy", { ResourceArn: target })).code).toBe(
    "404 ResourceNotFoundFault",
  );
});

test.each(["PutResourcePolicy", "GetResourcePolicy", "DeleteResourcePolicy"])(
  "%s needs to be allowed on the canonical ARN",
  async (action) => {
    await put(authorize());
    const parameters = { ResourceArn: colons, Policy: policyText };
    const allowed = (Resource: string): Promise<typeof credentials> =>
      keyWith({ Effect: "Allow", Action: `redshift:${action}`, Resource });
    const other = await call(action, parameters, await allowed(targets[1]?.arn ?? ""));
    expect(other.status).toBe(403);
    expect(other.text).toContain(
      `is not authorized to perform: redshift:${action} on resource: ${target} because no identity-based`,
    );
    expect((await call(action, parameters, await allowed(target))).status).toBe(200);
  },
);

describe("CreateIntegration", () => {
  const create = (client = session.rds, SourceArn?: string): Promise<unknown> => {
    const desired = session.request({ TargetArn: target });
    return client.send(
      new CreateIntegrationCommand({ ...desired, SourceArn: SourceArn ?? desired.SourceArn }),
    );
  };

  function unauthorized(source: string, why: string): Refusal {
    const action = "redshift:AuthorizeInboundIntegration";
    return {
      name: "AccessDenied",
      status: 403,
      message: `Service: redshift.amazonaws.com is not authorized to perform: ${action} on resource: ${target} for the source ${source} ${why}`,
    };
  }

  test("needs a statement that lets the source in, and is told which, where the target has a policy", async () => {
    const shop = sourceArn("shop");
    const Condition = { StringEquals: { "aws:SourceArn": sourceArn("source-1") } };
    await put(authorize(Condition));
    expect(await refusal(create(session.rds, shop))).toEqual(
      unauthorized(
        shop,
        "because no resource-based policy allows the redshift:AuthorizeInboundIntegration action. " +
          `Add to it, with PutResourcePolicy: ${JSON.stringify(authorize({ StringEquals: { "aws:SourceArn": shop } }))}`,
      ),
    );
    await put(authorize(Condition), authorize({ StringEquals: { "aws:SourceArn": shop } }));
    expect(await create(session.rds, shop)).toMatchObject({ SourceArn: shop, TargetArn: target });
  });

  test("is refused by a deny of the source, whatever allows it", async () => {
    const [one, two] = [sourceArn("source-2"), sourceArn("source-3")];
    await put(
      authorize(),
      authorize({ ArnLike: { "aws:SourceArn": "arn:aws:rds:*:*:db:source-2" } }, "Deny"),
    );
    expect(await refusal(create(session.rds, one))).toEqual(
      unauthorized(
        one,
        "with an explicit deny in a resource-based policy. Take that out of it with PutResourcePolicy.",
      ),
    );
    expect(await create(session.rds, two)).toMatchObject({ SourceArn: two });
  });

  const rds: Statement = { Effect: "Allow", Action: "rds:*", Resource: "*" };
  const ann = `arn:aws:iam::${account}:user/ann`;
  const denied = (why: string): Refusal => ({
    name: "AccessDenied",
    status: 403,
    message: `User: ${ann} is not authorized to perform: redshift:CreateInboundIntegration on resource: ${target} ${why}`,
  });

  test.each([
    [{ AWS: account }],
    [{ AWS: `arn:aws:iam::${account}:root` }],
    [{ AWS: ann }],
    [{ AWS: "*" }],
    ["*"],
  ])(
    "is granted to a caller that the target's policy names, though not the caller's own: %j",
    async (principal) => {
      const client = await clientWith(rds);
      await put(authorize(), inbound({ AWS: `arn:aws:iam::${account}:user/bob` }));
      expect(await refusal(create(client))).toEqual(
        denied("because no identity-based policy allows the redshift:CreateInboundIntegration action"),
      );
      await put(authorize(), inbound(principal));
      expect(await create(client)).toMatchObject({ TargetArn: target });
    },
  );

  test("is granted by the caller's own policy, though the target's does not name it", async () => {
    await put(authorize());
    const own = { Effect: "Allow", Action: "redshift:CreateInboundIntegration", Resource: target };
    expect(await create(await clientWith(rds, own))).toMatchObject({ TargetArn: target });
  });

  test("is refused by a deny in either policy, whatever allows it", async () => {
    const all = { Effect: "Allow", Action: "*", Resource: "*" };
    const own = { Effect: "Deny", Action: "redshift:CreateInboundIntegration", Resource: "*" };
    await put(authorize(), inbound({ AWS: ann }));
    expect(await refusal(create(await clientWith(all, own)))).toEqual(
      denied("with an explicit deny in an identity-based policy"),
    );
    await put(authorize(), inbound("*"), inbound({ AWS: ann }, "Deny"));
    expect(await refusal(create(await clientWith(all)))).toEqual(
      denied("with an explicit deny in a resource-based policy"),
    );
    await put(authorize(), inbound("*", "Deny"));
    expect((await refusal(create())).name).toBe("AccessDenied");
  });
});
