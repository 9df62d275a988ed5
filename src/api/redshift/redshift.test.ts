import { afterAll, beforeAll, expect, test } from "vitest";
import { account, region, targets } from "../../../test/support/aws-service.ts";
import { queryCall, type QueryAnswer } from "../../../test/support/query-call.ts";
import { RdsSession } from "../../../test/support/rds-session.ts";

let session: RdsSession;

beforeAll(async () => {
  session = await RdsSession.start();
});

afterAll(async () => {
  await session[Symbol.asyncDispose]();
});

type Parameters = Readonly<Record<string, string>>;

function call(action: string, parameters: Parameters = {}): Promise<QueryAnswer> {
  return queryCall(session.service, { service: "redshift", version: "2012-12-01", action, parameters });
}

/** Texts of all the elements with that name. */
function texts({ text }: QueryAnswer, element: string): string[] {
  return [...text.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, "g"))].map(
    ([, inner = ""]) => inner,
  );
}

async function refused(action: string, parameters: Parameters): Promise<string> {
  const { status, xml, text } = await call(action, parameters);
  expect(text).toMatch(/^<ErrorResponse xmlns="http:\/\/redshift\.amazonaws\.com\/doc\/2012-12-01\/">/);
  const { ErrorResponse } = xml as { ErrorResponse: { Error: { Code: string } } };
  return `${status} ${ErrorResponse.Error.Code}`;
}

const nobody = "00000000-0000-4000-8000-000000000000";
const rdsArn = `arn:aws:rds:${region}:${account}:integration:${nobody}`;
const redshiftArn = `arn:aws:redshift:${region}:${account}:integration:${nobody}`;
const bucket = "arn:aws:s3:::bucket";
const [firstTarget, secondTarget, thirdTarget] = [
  targets[0]?.arn ?? "",
  targets[1]?.arn ?? "",
  targets[2]?.arn ?? "",
];

test("an inbound integration shows what the warehouse knows of it", async () => {
  const { IntegrationArn = "", SourceArn } = await session.create({ TargetArn: secondTarget });
  const errors = [{ code: "TABLE_WITHOUT_KEY", message: "a <b> has no key" }];
  await session.service.catalog.report(IntegrationArn.split(":").at(-1) ?? "", {
    generation: 1,
    status: "needs_attention",
    errors,
    tables: [],
  });
  const answer = await call("DescribeInboundIntegrations", { IntegrationArn });
  expect(answer.xml).toMatchObject({
    DescribeInboundIntegrationsResponse: {
      DescribeInboundIntegrationsResult: {
        InboundIntegrations: {
          InboundIntegration: {
            IntegrationArn,
            SourceArn,
            TargetArn: secondTarget,
            Status: "needs_attention",
            Errors: {
              IntegrationError: { ErrorCode: "TABLE_WITHOUT_KEY", ErrorMessage: "a <b> has no key" },
            },
            CreateTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
          },
        },
      },
    },
  });
  const colons = secondTarget.replace("redshift-serverless", "redshift").replace("namespace/", "namespace:");
  for (const TargetArn of [secondTarget, colons])
    expect(texts(await call("DescribeInboundIntegrations", { TargetArn }), "IntegrationArn")).toEqual([
      IntegrationArn,
    ]);
  for (const parameters of [{ TargetArn: thirdTarget }, { TargetArn: thirdTarget, IntegrationArn }])
    expect((await call("DescribeInboundIntegrations", parameters)).text).toContain("<InboundIntegrations/>");
});

test("inbound integrations come in pages", async () => {
  await using busy = await RdsSession.start();
  const made: (string | undefined)[] = [];
  for (let index = 0; index < 21; index += 1) made.push((await busy.create()).IntegrationArn);
  const page = (parameters: Parameters): Promise<QueryAnswer> =>
    queryCall(busy.service, {
      service: "redshift",
      version: "2012-12-01",
      action: "DescribeInboundIntegrations",
      parameters: { MaxRecords: "20", ...parameters },
    });
  const first = await page({});
  const [Marker = ""] = texts(first, "Marker");
  const second = await page({ Marker });
  expect([...texts(first, "IntegrationArn"), ...texts(second, "IntegrationArn")]).toEqual(made);
  expect(second.text).not.toContain("<Marker>");
  const stray = await page({ Marker, TargetArn: firstTarget });
  expect(stray.text).toContain("<Code>InvalidParameterValue</Code>");
});

test.each([
  ["DescribeInboundIntegrations", { IntegrationArn: rdsArn }, "404 IntegrationNotFoundFault"],
  ["DescribeInboundIntegrations", { IntegrationArn: redshiftArn }, "404 IntegrationNotFoundFault"],
  ["DescribeInboundIntegrations", { IntegrationArn: nobody }, "400 InvalidParameterValue"],
  ["DescribeInboundIntegrations", { TargetArn: `${firstTarget}x` }, "400 InvalidNamespaceFault"],
  ["DescribeInboundIntegrations", { TargetArn: bucket.padEnd(20, "x") }, "400 InvalidParameterValue"],
  ["DescribeInboundIntegrations", { MaxRecords: "19" }, "400 InvalidParameterValue"],
  ["DescribeIntegrations", { IntegrationArn: redshiftArn }, "404 IntegrationNotFoundFault"],
  ["DescribeIntegrations", { IntegrationArn: rdsArn }, "400 InvalidParameterValue"],
  ["DescribeIntegrations", { Marker: "x" }, "400 InvalidParameterValue"],
  ["DescribeIntegrations", { MaxRecords: "101" }, "400 InvalidParameterValue"],
  [
    "DescribeIntegrations",
    {
      "Filters.DescribeIntegrationsFilter.1.Name": "name",
      "Filters.DescribeIntegrationsFilter.1.Values.Value.1": "x",
    },
    "400 InvalidParameterValue",
  ],
  ["ModifyIntegration", { IntegrationArn: redshiftArn, Description: "x" }, "404 IntegrationNotFoundFault"],
  ["ModifyIntegration", {}, "400 MissingParameter"],
  ["DeleteIntegration", { IntegrationArn: redshiftArn }, "404 IntegrationNotFoundFault"],
  [
    "CreateIntegration",
    { SourceArn: bucket, TargetArn: firstTarget, IntegrationName: "x" },
    "400 UnsupportedOperation",
  ],
  [
    "CreateIntegration",
    {
      SourceArn: `arn:aws:dynamodb:${region}:${account}:table/orders`,
      TargetArn: firstTarget,
      IntegrationName: "x",
      "TagList.Tag.1.Key": "k",
      "TagList.Tag.1.Value": "v",
    },
    "400 UnsupportedOperation",
  ],
  [
    "CreateIntegration",
    { SourceArn: `arn:aws:rds:${region}:${account}:db:shop`, TargetArn: firstTarget, IntegrationName: "x" },
    "400 InvalidParameterValue",
  ],
  ["CreateIntegration", { SourceArn: bucket, IntegrationName: "x" }, "400 MissingParameter"],
  ["DescribeClusters", { ClusterIdentifier: "nobody" }, "404 ClusterNotFound"],
  ["DescribeLoggingStatus", { ClusterIdentifier: "nobody" }, "404 ClusterNotFound"],
  ["DescribeLoggingStatus", {}, "400 MissingParameter"],
  ["DescribeClusters", { ClusterIdentifier: "target-0", Marker: "x" }, "400 InvalidParameterCombination"],
])("%s with %j is refused", async (action, parameters: Parameters, answer) => {
  expect(await refused(action, parameters)).toBe(answer);
});

test("integrations of RDS are not integrations of Redshift", async () => {
  await session.create();
  const parameters = {
    "Filters.DescribeIntegrationsFilter.1.Name": "status",
    "Filters.DescribeIntegrationsFilter.1.Values.Value.1": "creating",
  };
  for (const given of [{}, parameters])
    expect((await call("DescribeIntegrations", given)).text).toContain("<Integrations/>");
});

test("a cluster is a target, with what is known of it and nothing else", async () => {
  const answer = await call("DescribeClusters", { ClusterIdentifier: "target-0" });
  expect(answer.text).toContain(
    "<Clusters><Cluster><ClusterIdentifier>target-0</ClusterIdentifier><ClusterStatus>available</ClusterStatus>" +
      "<ClusterAvailabilityStatus>Available</ClusterAvailabilityStatus><DBName>dev</DBName><Tags/>" +
      `<ClusterNamespaceArn>${firstTarget}</ClusterNamespaceArn>` +
      "<AvailabilityZoneRelocationStatus>disabled</AvailabilityZoneRelocationStatus><MultiAZ>Disabled</MultiAZ></Cluster></Clusters>",
  );
});

test("clusters come in pages, in the order of their names", async () => {
  const first = await call("DescribeClusters", { MaxRecords: "20" });
  const [Marker = ""] = texts(first, "Marker");
  const second = await call("DescribeClusters", { Marker });
  const seen = [...texts(first, "ClusterIdentifier"), ...texts(second, "ClusterIdentifier")];
  expect(texts(first, "ClusterIdentifier")).toHaveLength(20);
  expect(seen).toEqual(targets.map(({ name }) => name).toSorted());
  expect(await refused("DescribeInboundIntegrations", { Marker })).toBe("400 InvalidParameterValue");
});

test("no cluster has a tag", async () => {
  for (const parameters of [{ "TagKeys.TagKey.1": "team" }, { "TagValues.TagValue.1": "data" }])
    expect((await call("DescribeClusters", parameters)).text).toContain("<Clusters/>");
});
