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

const filterNames: FilterTable<Compared<SourceResource>> = {
  "db-instance-id": namesOf,
  "db-cluster-id": noValue,
  "dbi-resource-id": resourceIdOf,
  domain: noValue,
  engine: engineOf,
};

/** The configured sources of kind instance, in the order of their names. */
export const describeDbInstances = action({
  name: "DescribeDBInstances",
  input: {
    kind: "structure",
    required: {},
    optional: { DBInstanceIdentifier: databaseIdentifier, ...filteredPage },
  },
  output: {
    kind: "structure",
    required: { DBInstances: listOf(instance, "DBInstance", 100) },
    optional: { Marker: marker },
  },
  permission: {
    kind: "needs",
    needsOf: ({ DBInstanceIdentifier }, call) => [
      { action: "rds:DescribeDBInstances", resource: databaseArn(call, "instance", DBInstanceIdentifier) },
    ],
  },
  handle: async (input, call) => {
    const { items, Marker } = await listSources(input, call, {
      action: "DescribeDBInstances",
      kind: "instance",
      identifier: input.DBInstanceIdentifier,
      filterNames,
    });
    return { DBInstances: items.map(instanceOutput), Marker };
  },
});

function instanceOutput(source: KnownSource): ValueOf<typeof instance> {
  const { name, engine, engineVersion, arn, endpoint, tags } = source;
  return {
    DBInstanceIdentifier: name,
    Engine: engine,
    DBInstanceStatus: statusOf(source),
    Endpoint: endpoint === undefined ? undefined : { Address: endpoint.host, Port: endpoint.port },
    EngineVersion: engineVersion,
    DbiResourceId: resourceId(source),
    DBInstanceArn: arn,
    TagList: tagsOutput(tags),
  };
}
