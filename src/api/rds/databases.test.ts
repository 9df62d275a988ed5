import {
  AddTagsToResourceCommand,
  DescribeDBClustersCommand,
  DescribeDBInstancesCommand,
  ListTagsForResourceCommand,
  paginateDescribeDBInstances,
  RemoveTagsFromResourceCommand,
  type DescribeDBClustersCommandInput,
  type DescribeDBInstancesCommandInput,
} from "@aws-sdk/client-rds";
import { afterAll, beforeAll, expect, test } from "vitest";
import { account, region, sourceArn, sources } from "../../../test/support/aws-service.ts";
import { idOf, RdsSession, refusal } from "../../../test/support/rds-session.ts";

let session: RdsSession;

beforeAll(async () => {
  session = await RdsSession.start();
});

afterAll(async () => {
  await session[Symbol.asyncDispose]();
});

const clusterArn = `arn:aws:rds:${region}:${account}:cluster:fleet`;

async function instances(input: DescribeDBInstancesCommandInput) {
  return (await session.rds.send(new DescribeDBInstancesCommand(input))).DBInstances ?? [];
}

async function clusters(input: DescribeDBClustersCommandInput) {
  return (await session.rds.send(new DescribeDBClustersCommand(input))).DBClusters ?? [];
}

async function namesOf(Name: string, ...Values: string[]): Promise<(string | undefined)[]> {
  const found = await instances({ Filters: [{ Name, Values }] });
  return found.map(({ DBInstanceIdentifier }) => DBInstanceIdentifier);
}

test("an instance has what is known of it and nothing else", async () => {
  expect(await instances({ DBInstanceIdentifier: "shop" })).toEqual([
    {
      DBInstanceIdentifier: "shop",
      Engine: "postgres",
      DBInstanceStatus: "available",
      Endpoint: { Address: "shop.example", Port: 5432 },
      DbiResourceId: expect.stringMatching(/^db-[A-Z2-7]{26}$/),
      DBInstanceArn: sourceArn("shop"),
      TagList: [],
    },
  ]);
  const [books] = await instances({ DBInstanceIdentifier: "books" });
  expect(books).toHaveProperty("Engine", "mysql");
  expect(books).not.toHaveProperty("Endpoint");
});

test("a cluster has what is known of it and nothing else", async () => {
  expect(await clusters({})).toEqual([
    {
      DBClusterIdentifier: "fleet",
      Status: "available",
      Endpoint: "10.0.0.7",
      Port: 6432,
      Engine: "aurora-postgresql",
      DbClusterResourceId: expect.stringMatching(/^cluster-[A-Z2-7]{26}$/),
      DBClusterArn: clusterArn,
      TagList: [],
    },
  ]);
});

test("an identifier is a name or an ARN, in any case", async () => {
  for (const DBInstanceIdentifier of ["shop", "SHOP", sourceArn("shop")])
    expect(await instances({ DBInstanceIdentifier })).toMatchObject([{ DBInstanceIdentifier: "shop" }]);
  for (const DBClusterIdentifier of ["fleet", clusterArn])
    expect(await clusters({ DBClusterIdentifier })).toMatchObject([{ DBClusterIdentifier: "fleet" }]);
});

test.each(["nobody", "fleet", "sho*", clusterArn])(
  "there is no instance %s",
  async (DBInstanceIdentifier) => {
    const name = DBInstanceIdentifier.split(":").at(-1);
    const call = instances({ DBInstanceIdentifier });
    expect(await refusal(call)).toEqual({
      name: "DBInstanceNotFoundFault",
      status: 404,
      message: `DBInstance ${name} not found.`,
    });
  },
);

test("an ARN of another account or region is answered with the one that was expected", async () => {
  for (const [given, said] of [
    [sourceArn("shop").replace(account, "999999999999"), `The ARN of shop is ${sourceArn("shop")}.`],
    [sourceArn("shop").replace(region, "eu-north-9"), `The ARN of shop is ${sourceArn("shop")}.`],
    [
      sourceArn("nobody").replace(account, "999999999999"),
      `This endpoint serves account ${account} in region ${region}.`,
    ],
  ] as const)
    expect(await refusal(instances({ DBInstanceIdentifier: given }))).toMatchObject({
      name: "DBInstanceNotFoundFault",
      message: expect.stringContaining(said),
    });
});

test.each(["nobody", "shop", sourceArn("shop")])("there is no cluster %s", async (DBClusterIdentifier) => {
  expect(await refusal(clusters({ DBClusterIdentifier }))).toMatchObject({
    name: "DBClusterNotFoundFault",
    status: 404,
  });
});

test("filters of instances", async () => {
  const [shop] = await instances({ DBInstanceIdentifier: "shop" });
  expect(await namesOf("db-instance-id", "shop", sourceArn("books"), "nobody")).toEqual(["books", "shop"]);
  expect(await namesOf("db-instance-id", "sho*")).toEqual([]);
  // "Filter names and values are case-sensitive", says the API reference.
  expect(await namesOf("db-instance-id", "SHOP")).toEqual([]);
  expect(await namesOf("engine", "MySQL")).toEqual([]);
  expect(await namesOf("dbi-resource-id", shop?.DbiResourceId ?? "")).toEqual(["shop"]);
  expect(await namesOf("engine", "mysql", "oracle-ee")).toEqual(["books"]);
  expect(await namesOf("db-cluster-id", "fleet", clusterArn)).toEqual([]);
  expect(await namesOf("domain", "d-1234567890")).toEqual([]);
  const both = [
    { Name: "engine", Values: ["postgres"] },
    { Name: "db-instance-id", Values: ["shop", "books"] },
  ];
  expect(await instances({ Filters: both })).toMatchObject([{ DBInstanceIdentifier: "shop" }]);
  expect(await instances({ DBInstanceIdentifier: "books", Filters: both })).toEqual([]);
});

test("filters of clusters", async () => {
  const [fleet] = await clusters({});
  const found = async (Name: string, Value: string): Promise<number> =>
    (await clusters({ Filters: [{ Name, Values: [Value] }] })).length;
  expect(await found("db-cluster-id", "fleet")).toBe(1);
  expect(await found("db-cluster-id", clusterArn)).toBe(1);
  expect(await found("db-cluster-id", "shop")).toBe(0);
  expect(await found("db-cluster-resource-id", fleet?.DbClusterResourceId ?? "")).toBe(1);
  expect(await found("engine", "aurora-postgresql")).toBe(1);
  expect(await found("engine", "postgres")).toBe(0);
  expect(await found("clone-group-id", "x")).toBe(0);
  expect(await found("domain", "x")).toBe(0);
});

test.each([
  [[{ Name: "clone-group-id", Values: ["x"] }], "Unrecognized filter name: clone-group-id"],
  [[{ Name: "constructor", Values: ["x"] }], "Unrecognized filter name: constructor"],
  [[{ Name: "engine", Values: [] }], "The filter engine must have at least one value."],
])("the filters %j of instances are refused", async (Filters, message) => {
  expect(await refusal(instances({ Filters }))).toEqual({
    name: "InvalidParameterValue",
    status: 400,
    message,
  });
});

test("pages hold every instance once, in the order of their names", async () => {
  const seen: (string | undefined)[][] = [];
  for await (const { DBInstances } of paginateDescribeDBInstances({ client: session.rds, pageSize: 20 }, {}))
    seen.push((DBInstances ?? []).map(({ DBInstanceIdentifier }) => DBInstanceIdentifier));
  expect(seen.map(({ length }) => length)).toEqual([20, 2]);
  const names = sources.filter(({ kind }) => kind === "instance").map(({ name }) => name);
  expect(seen.flat()).toEqual(names.toSorted());
});

test("MaxRecords has bounds, and a marker continues its own list only", async () => {
  for (const MaxRecords of [19, 101])
    expect(await refusal(clusters({ MaxRecords }))).toEqual({
      name: "InvalidParameterValue",
      status: 400,
      message: `Invalid value ${MaxRecords} for MaxRecords. Must be between 20 and 100`,
    });
  const { Marker } = await session.rds.send(new DescribeDBInstancesCommand({ MaxRecords: 20 }));
  expect(await instances({ Marker, MaxRecords: 100 })).toHaveLength(2);
  const Filters = [{ Name: "engine", Values: ["postgres"] }];
  for (const call of [clusters({ Marker }), instances({ Marker, Filters }), instances({ Marker: "x" })])
    expect(await refusal(call)).toMatchObject({ name: "InvalidParameterValue", status: 400 });
});

test("the status of a source is left out while an integration says that it cannot be reached", async () => {
  const SourceArn = sourceArn("source-19");
  const status = async (): Promise<string | undefined> =>
    (await instances({ DBInstanceIdentifier: SourceArn }))[0]?.DBInstanceStatus;
  const id = idOf(await session.create({ SourceArn }));
  const report = async (code: string): Promise<void> =>
    session.service.catalog.report(id, {
      generation: 1,
      status: "needs_attention",
      errors: [{ code, message: "said so" }],
      tables: [],
    });
  await report("SOURCE_UNREACHABLE");
  expect(await status()).toBeUndefined();
  await report("TABLE_WITHOUT_KEY");
  expect(await status()).toBe("available");
});

test("the version of a source is left out until its server has been reached", async () => {
  const arn = sourceArn("source-1");
  const version = async (): Promise<string | undefined> =>
    (await instances({ DBInstanceIdentifier: arn }))[0]?.EngineVersion;
  expect(await version()).toBeUndefined();
  expect((await clusters({}))[0]?.EngineVersion).toBeUndefined();
  await session.service.catalog.reportVersion(arn, "15.4");
  await session.service.catalog.reportVersion(clusterArn, "16.2");
  expect(await version()).toBe("15.4");
  expect((await clusters({}))[0]?.EngineVersion).toBe("16.2");
});

test.each([
  ["an instance", sourceArn("source-0")],
  ["a cluster", clusterArn],
])("%s has tags", async (_, ResourceName) => {
  const shown = async (): Promise<unknown> => {
    const list = await session.rds.send(new ListTagsForResourceCommand({ ResourceName }));
    const [source] = ResourceName.includes(":cluster:")
      ? await clusters({ DBClusterIdentifier: ResourceName })
      : await instances({ DBInstanceIdentifier: ResourceName });
    expect(source?.TagList).toEqual(list.TagList);
    return list.TagList;
  };
  const add = (Tags: { Key: string; Value: string }[]) =>
    session.rds.send(new AddTagsToResourceCommand({ ResourceName, Tags }));
  await add([
    { Key: "team", Value: "data" },
    { Key: "Ü", Value: "" },
  ]);
  await add([{ Key: "team", Value: "shop" }]);
  expect(await shown()).toEqual([
    { Key: "team", Value: "shop" },
    { Key: "Ü", Value: "" },
  ]);
  const many = Array.from({ length: 49 }, (__, index) => ({ Key: `k${index}`, Value: "" }));
  expect(await refusal(add(many))).toEqual({
    name: "InvalidParameterValue",
    status: 400,
    message: "A resource can have at most 50 tags.",
  });
  const TagKeys = ["team", "nothing"];
  await session.rds.send(new RemoveTagsFromResourceCommand({ ResourceName, TagKeys }));
  expect(await shown()).toEqual([{ Key: "Ü", Value: "" }]);
});
