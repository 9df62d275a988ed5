import { anywhere } from "../access/permission.ts";
import { action } from "../action.ts";
import { anyString } from "../protocol/shape-parts.ts";
import { clusterNamed } from "./clusters.ts";

/** AWS delivers audit logs to S3 or CloudWatch; here they are not delivered. */
export const describeLoggingStatus = action({
  name: "DescribeLoggingStatus",
  input: { kind: "structure", required: { ClusterIdentifier: anyString }, optional: {} },
  output: { kind: "structure", required: { LoggingEnabled: { kind: "boolean" } }, optional: {} },
  permission: anywhere("redshift:DescribeLoggingStatus"),
  handle: async ({ ClusterIdentifier: name }, call) => {
    clusterNamed(call, name);
    return { LoggingEnabled: false };
  },
});
