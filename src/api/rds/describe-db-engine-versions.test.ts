import {
  DescribeDBEngineVersionsCommand,
  type DescribeDBEngineVersionsCommandInput,
} from "@aws-sdk/client-rds";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RdsSession, refusal } from "../../../test/support/rds-session.ts";

let session: RdsSession;

beforeAll(async () => {
  session = await RdsSession.start();
});

afterAll(async () => {
  await session[Symbol.asyncDispose]();
});

async function versions(input: DescribeDBEngineVersionsCommandInput) {
  return (await session.rds.send(new DescribeDBEngineVersionsCommand(input))).DBEngineVersions ?? [];
}

async function named(input: DescribeDBEngineVersionsCommandInput): Promise<string[]> {
  return (await versions(input)).map(({ Engine, EngineVersion }) => `${Engine} ${EngineVersion}`);
}

test("a version says that it supports integrations", async () => {
  expect(await versions({ Engine: "postgres", EngineVersion: "18" })).toEqual([
    {
      Engine: "postgres",
      MajorEngineVersion: "18",
      EngineVersion: "18",
      Status: "available",
      SupportedEngineModes: ["provisioned"],
      SupportsIntegrations: true,
    },
  ]);
});

const all = [
  "aurora-postgresql 9",
  "aurora-postgresql 14",
  "aurora-postgresql 18",
  "postgres 9",
  "postgres 14",
  "postgres 18",
];

function filter(Name: string, ...Values: string[]): DescribeDBEngineVersionsCommandInput {
  return { Filters: [{ Name, Values }] };
}

test.each([
  [{}, all],
  [{ IncludeAll: true, ListSupportedTimezones: true, MaxRecords: 20 }, all],
  [{ Engine: "postgres" }, all.slice(3)],
  [{ Engine: "mysql" }, []],
  [{ EngineVersion: "14.12" }, ["aurora-postgresql 14", "postgres 14"]],
  [{ EngineVersion: "13.4" }, []],
  [{ DefaultOnly: true }, ["aurora-postgresql 18", "postgres 18"]],
  [{ DefaultOnly: false, Engine: "postgres" }, all.slice(3)],
  [{ DefaultOnly: true, Engine: "postgres", EngineVersion: "14" }, ["postgres 14"]],
  [{ DBParameterGroupFamily: "postgres16" }, []],
  [filter("engine", "postgres", "mysql"), all.slice(3)],
  [filter("engine-version", "9.6.1", "18"), all.filter((name) => / (?:9|18)$/.test(name))],
  [filter("engine-mode", "serverless"), []],
  [filter("engine-mode", "provisioned"), all],
  [filter("status", "deprecated"), []],
  [filter("status", "available"), all],
  [filter("db-parameter-group-family", "postgres16"), []],
])("asked for %j", async (input, expected) => {
  expect(await named(input)).toEqual(expected);
});

test("an unknown filter and a marker of another list are refused", async () => {
  expect(await refusal(versions(filter("family", "x")))).toEqual({
    name: "InvalidParameterValue",
    status: 400,
    message: "Unrecognized filter name: family",
  });
  expect(await refusal(versions({ Marker: "x" }))).toMatchObject({ name: "InvalidParameterValue" });
});
