import type { Home, SourceResource } from "../../model/resources.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { ApiOptions } from "../options.ts";

/** By a name or an ARN. Says which ARN was expected where only account, region or case of the given one are others. */
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

/** What to say of an ARN of another account or region; nothing of any other text. */
export function elsewhere({ account, region }: Home, arn: string): string {
  const [, givenRegion, givenAccount] = /^arn:aws[a-z-]*:[a-z-]+:([^:]*):([^:]*):/.exec(arn) ?? [];
  if (givenRegion === undefined || (givenRegion === region && givenAccount === account)) return "";
  return `This endpoint serves account ${account} in region ${region}.`;
}
