import type { Home, SourceResource } from "../../model/resources.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { ApiOptions } from "../options.ts";

/** By name or ARN. States the expected ARN if the given one differs only in account, region or case. */
export function sourceNotFound(
  options: ApiOptions,
  kind: SourceResource["kind"],
  identifier: string,
): AwsError {
  const name = identifier.slice(identifier.lastIndexOf(":") + 1);
  const meant = options.sources.find(
    (source) => source.kind === kind && source.name.toLowerCase() === name.toLowerCase(),
  );
  const hint =
    meant === undefined ? elsewhere(options, identifier) : `The ARN of ${meant.name} is ${meant.arn}.`;
  const what = kind === "cluster" ? "DBCluster" : "DBInstance";
  const code = kind === "cluster" ? "DBClusterNotFoundFault" : "DBInstanceNotFound";
  return new AwsError(code, `${what} ${name} not found. ${hint}`.trimEnd());
}

/** The hint for an ARN of another account or region; empty for any other text. */
export function elsewhere({ account, region }: Home, arn: string): string {
  const [, givenRegion, givenAccount] = /^arn:aws[a-z-]*:[a-z-]+:([^:]*):([^:]*):/.exec(arn) ?? [];
  if (givenRegion === undefined || (givenRegion === region && givenAccount === account)) return "";
  return `This endpoint serves account ${account} in region ${region}.`;
}
