import type { SourceResource } from "../model/resources.ts";
import { AwsError } from "../wire/aws-error.ts";

/** By a name or an ARN. */
export function sourceNotFound(kind: SourceResource["kind"], identifier: string): AwsError {
  const name = identifier.slice(identifier.lastIndexOf(":") + 1);
  return kind === "cluster"
    ? new AwsError("DBClusterNotFoundFault", `DBCluster ${name} not found.`)
    : new AwsError("DBInstanceNotFound", `DBInstance ${name} not found.`);
}
