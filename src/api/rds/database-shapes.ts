import type { StringShape, StructureShape, ValueOf } from "../../wire/aws/shape.ts";
import { anyString, filterList, listOf, marker, page, tagList } from "../protocol/shape-parts.ts";

// The members of databases in the RDS service model, API version 2014-10-31, whose values can be known here.

const identifier: StringShape = { kind: "string", lengthMin: 1, lengthMax: 255 };

const instance = {
  kind: "structure",
  required: { DBInstanceIdentifier: anyString, Engine: anyString },
  optional: {
    DBInstanceStatus: anyString,
    Endpoint: {
      kind: "structure",
      required: { Address: anyString, Port: { kind: "integer" } },
      optional: {},
    },
    EngineVersion: anyString,
    DbiResourceId: anyString,
    DBInstanceArn: anyString,
    TagList: tagList,
  },
} as const satisfies StructureShape;

const cluster = {
  kind: "structure",
  required: { DBClusterIdentifier: anyString },
  optional: {
    Status: anyString,
    Endpoint: anyString,
    Engine: anyString,
    EngineVersion: anyString,
    Port: { kind: "integer" },
    DbClusterResourceId: anyString,
    DBClusterArn: anyString,
    TagList: tagList,
  },
} as const satisfies StructureShape;

const engineVersion = {
  kind: "structure",
  required: {
    Engine: anyString,
    MajorEngineVersion: anyString,
    EngineVersion: anyString,
    Status: anyString,
    SupportedEngineModes: listOf(anyString, "member", 1),
    SupportsIntegrations: { kind: "boolean" },
  },
  optional: {},
} as const satisfies StructureShape;

const filteredPage = { Filters: filterList, ...page } as const;

export type InstanceOutput = ValueOf<typeof instance>;
export type ClusterOutput = ValueOf<typeof cluster>;

/** The input and output of each action. */
export const databaseShapes = {
  DescribeDBInstances: {
    input: {
      kind: "structure",
      required: {},
      optional: { DBInstanceIdentifier: identifier, ...filteredPage },
    },
    output: {
      kind: "structure",
      required: { DBInstances: listOf(instance, "DBInstance", 100) },
      optional: { Marker: marker },
    },
  },
  DescribeDBClusters: {
    input: {
      kind: "structure",
      required: {},
      optional: { DBClusterIdentifier: identifier, ...filteredPage },
    },
    output: {
      kind: "structure",
      required: { DBClusters: listOf(cluster, "DBCluster", 100) },
      optional: { Marker: marker },
    },
  },
  DescribeDBEngineVersions: {
    input: {
      kind: "structure",
      required: {},
      optional: {
        Engine: anyString,
        EngineVersion: anyString,
        DBParameterGroupFamily: anyString,
        DefaultOnly: { kind: "boolean" },
        ...filteredPage,
      },
    },
    output: {
      kind: "structure",
      required: { DBEngineVersions: listOf(engineVersion, "DBEngineVersion", 100) },
      optional: { Marker: marker },
    },
  },
} as const satisfies Record<string, { readonly input: StructureShape; readonly output: StructureShape }>;
