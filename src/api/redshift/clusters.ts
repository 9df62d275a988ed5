import { AwsError } from "../../wire/aws/error.ts";
import type { TargetResource } from "../../model/resources.ts";
import type { ValueOf } from "../../wire/aws/shape.ts";
import { pageOf } from "../protocol/list-page.ts";
import type { ApiOptions } from "../options.ts";
import type { redshiftShapes } from "./shapes.ts";

type Input = ValueOf<typeof redshiftShapes.DescribeClusters.input>;
type Output = ValueOf<typeof redshiftShapes.DescribeClusters.output>;

/** The configured targets, in the order of their names. They have no tags, so a filter on tags matches none. */
export async function describeClusters(input: Input, options: ApiOptions): Promise<Output> {
  const { ClusterIdentifier: name, TagKeys = [], TagValues = [], Marker: marker } = input;
  if (name !== undefined && marker !== undefined)
    throw new AwsError(
      "InvalidParameterCombination",
      "ClusterIdentifier cannot be used together with Marker.",
    );
  const named = name === undefined ? options.targets : [clusterNamed(options, name)];
  const { items, Marker } = pageOf(options, input, {
    items: TagKeys.length + TagValues.length === 0 ? named : [],
    placeOf: (target) => target.name.toLowerCase(),
    query: ["DescribeClusters", name, TagKeys, TagValues],
  });
  return { Clusters: items.map(clusterOutput), Marker };
}

type LoggingInput = ValueOf<typeof redshiftShapes.DescribeLoggingStatus.input>;
type LoggingOutput = ValueOf<typeof redshiftShapes.DescribeLoggingStatus.output>;

/** AWS delivers audit logs to S3 or CloudWatch; here they are not delivered. */
export async function describeLoggingStatus(
  { ClusterIdentifier: name }: LoggingInput,
  options: ApiOptions,
): Promise<LoggingOutput> {
  clusterNamed(options, name);
  return { LoggingEnabled: false };
}

function clusterNamed({ targets }: ApiOptions, name: string): TargetResource {
  const target = targets.find((candidate) => candidate.name === name);
  if (target === undefined) throw new AwsError("ClusterNotFound", `Cluster ${name} not found.`);
  return target;
}

function clusterOutput({ name, arn }: TargetResource): Output["Clusters"][number] {
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

/** The database that a warehouse contains before anything is replicated into it. */
export const everyWarehousesDatabase = "dev";
