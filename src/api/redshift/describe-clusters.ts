import type { TargetResource } from "../../model/resources.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { StructureShape, ValueOf } from "../../wire/aws/shape.ts";
import { anywhere } from "../access/permission.ts";
import { action } from "../action.ts";
import { pageOf } from "../protocol/list-page.ts";
import { anyString, listOf, marker, page, tagList } from "../protocol/shape-parts.ts";
import { clusterNamed, everyWarehousesDatabase } from "./clusters.ts";

// The model's members whose values can be known here.
const cluster = {
  kind: "structure",
  required: {
    ClusterIdentifier: anyString,
    ClusterStatus: anyString,
    ClusterAvailabilityStatus: anyString,
    DBName: anyString,
    Tags: tagList,
    ClusterNamespaceArn: anyString,
    AvailabilityZoneRelocationStatus: anyString,
    MultiAZ: anyString,
  },
  optional: {},
} as const satisfies StructureShape;

/** The configured targets, in the order of their names. They have no tags, so a filter on tags matches none. */
export const describeClusters = action({
  name: "DescribeClusters",
  input: {
    kind: "structure",
    required: {},
    optional: {
      ClusterIdentifier: anyString,
      TagKeys: listOf(anyString, "TagKey", 200),
      TagValues: listOf(anyString, "TagValue", 200),
      ...page,
    },
  },
  output: {
    kind: "structure",
    required: { Clusters: listOf(cluster, "Cluster", 100) },
    optional: { Marker: marker },
  },
  permission: anywhere("redshift:DescribeClusters"),
  handle: async (input, call) => {
    const { ClusterIdentifier: name, TagKeys = [], TagValues = [] } = input;
    if (name !== undefined && input.Marker !== undefined)
      throw new AwsError(
        "InvalidParameterCombination",
        "ClusterIdentifier cannot be used together with Marker.",
      );
    const named = name === undefined ? call.targets : [clusterNamed(call, name)];
    const { items, Marker } = pageOf(call, input, {
      items: TagKeys.length + TagValues.length === 0 ? named : [],
      placeOf: (target) => target.name.toLowerCase(),
      query: ["DescribeClusters", name, TagKeys, TagValues],
    });
    return { Clusters: items.map(clusterOutput), Marker };
  },
});

function clusterOutput({ name, arn }: TargetResource): ValueOf<typeof cluster> {
  return {
    ClusterIdentifier: name,
    // A warehouse is available as long as the service runs.
    ClusterStatus: "available",
    ClusterAvailabilityStatus: "Available",
    DBName: everyWarehousesDatabase,
    Tags: [],
    ClusterNamespaceArn: arn,
    // A warehouse is in one place. Clients such as Terraform cannot read a cluster that specifies neither.
    AvailabilityZoneRelocationStatus: "disabled",
    MultiAZ: "Disabled",
  };
}
