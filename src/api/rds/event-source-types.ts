import { AwsError } from "../../wire/aws/error.ts";

/** The source type of the events of integrations. */
export const integrationSourceType = "zero-etl";

/** The service model's source types; only integrations exist here. */
const sourceTypes: ReadonlySet<string> = new Set([
  "db-instance",
  "db-parameter-group",
  "db-security-group",
  "db-snapshot",
  "db-cluster",
  "db-cluster-snapshot",
  "custom-engine-version",
  "db-proxy",
  "blue-green-deployment",
  "db-shard-group",
  integrationSourceType,
]);

/** Throws `InvalidParameterValue`. */
export function checkSourceType(sourceType: string | undefined): void {
  if (sourceType !== undefined && !sourceTypes.has(sourceType))
    throw new AwsError("InvalidParameterValue", `Invalid source type: ${sourceType.slice(0, 255)}`);
}
