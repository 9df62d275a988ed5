import { AwsError } from "../../wire/aws/error.ts";
import type { TargetResource } from "../../model/resources.ts";
import type { ApiOptions } from "../options.ts";

/** The database that a warehouse contains before anything is replicated into it. */
export const everyWarehousesDatabase = "dev";

/** A target by its name. Throws `ClusterNotFound`. */
export function clusterNamed({ targets }: ApiOptions, name: string): TargetResource {
  const target = targets.find((candidate) => candidate.name === name);
  if (target === undefined) throw new AwsError("ClusterNotFound", `Cluster ${name} not found.`);
  return target;
}
