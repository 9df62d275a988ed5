import type { SourceResource } from "../../model/resources.ts";
import type { StructureShape, ValueOf } from "../../wire/aws/shape.ts";
import { action } from "../action.ts";
import type { Compared, FilterTable } from "../protocol/filters.ts";
import { anyString, listOf, marker, tagList } from "../protocol/shape-parts.ts";
import {
  databaseArn,
  engineOf,
  listSources,
  namesOf,
  noValue,
  resourceId,
  resourceIdOf,
  statusOf,
  type KnownSource,
} from "./databases.ts";
import { databaseIdentifier, filteredPage } from "./shapes.ts";
import { tagsOutput } from "./tag-rules.ts";

// The members of the service model whose values can be known here.
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

const filterNames: FilterTable<Compared<SourceResource>> = {
  "db-cluster-id": namesOf,
  "db-cluster-resource-id": resourceIdOf,
  "clone-group-id": noValue,
  domain: noValue,
  engine: engineOf,
};

/** The configured sources of kind cluster, in the order of their names. */
export const describeDbClusters = action({
  name: "DescribeDBClusters",
  input: {
    kind: "structure",
    required: {},
    optional: { DBClusterIdentifier: databaseIdentifier, ...filteredPage },
  },
  output: {
    kind: "structure",
    required: { DBClusters: listOf(cluster, "DBCluster", 100) },
    optional: { Marker: marker },
  },
  permission: {
    kind: "needs",
    needsOf: ({ DBClusterIdentifier }, call) => [
      { action: "rds:DescribeDBClusters", resource: databaseArn(call, "cluster", DBClusterIdentifier) },
    ],
  },
  handle: async (input, call) => {
    const { items, Marker } = await listSources(input, call, {
      action: "DescribeDBClusters",
      kind: "cluster",
      identifier: input.DBClusterIdentifier,
      filterNames,
    });
    return { DBClusters: items.map(clusterOutput), Marker };
  },
});

function clusterOutput(source: KnownSource): ValueOf<typeof cluster> {
  const { name, engine, engineVersion, arn, endpoint, tags } = source;
  return {
    DBClusterIdentifier: name,
    Status: statusOf(source),
    Endpoint: endpoint?.host,
    Engine: engine,
    EngineVersion: engineVersion,
    Port: endpoint?.port,
    DbClusterResourceId: resourceId(source),
    DBClusterArn: arn,
    TagList: tagsOutput(tags),
  };
}
