import type { Home, TargetResource } from "../../model/resources.ts";

export function integrationArn({ account, region }: Home, id: string): string {
  return `arn:aws:rds:${region}:${account}:integration:${id}`;
}

/** The user that an access key belongs to. Users are not regional. */
export function userArn({ account }: Home, name: string): string {
  return `arn:aws:iam::${account}:user/${name}`;
}

const integrationArnForm =
  /^arn:aws[a-z-]*:rds(?:-[a-z]*)?:([a-z0-9-]*):([0-9]*):integration:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Whether an ARN says that it is an integration's, of whatever account and region. */
export function isIntegrationArn(text: string): boolean {
  return /^arn:aws[a-z-]*:rds(?:-[a-z]*)?:[a-z0-9-]*:[0-9]*:integration:/.test(text);
}

/**
 * What an integration's ARN, uuid or name says to look for in the catalog: a uuid or a name. Undefined for an ARN of
 * another account, region or service, under which nothing can exist here.
 */
export function lookupKey(home: Home, identifier: string): string | undefined {
  if (!identifier.startsWith("arn:")) return identifier;
  const [, region, account, id] = integrationArnForm.exec(identifier) ?? [];
  return region === home.region && account === home.account ? id : undefined;
}

// Both services write their own separator, but AWS's documentation mixes them up, and so do its users.
const targetArnForm =
  /^arn:aws[a-z-]*:redshift(?:-serverless)?:([a-z0-9-]+):([0-9]{12}):namespace[:/]([a-z0-9-]+)$/;

/** A namespace's ARN as the targets here are named, whether one exists or not; any other text as it is. */
export function canonicalTargetArn(arn: string): string {
  const [matched, region, account, namespaceId] = targetArnForm.exec(arn) ?? [];
  if (matched === undefined) return arn;
  return `arn:aws:redshift-serverless:${region}:${account}:namespace/${namespaceId}`;
}

/** The target that an ARN means in any of its forms; `malformed` when it is no namespace's ARN. */
export function findTarget(
  targets: readonly TargetResource[],
  home: Home,
  arn: string,
): TargetResource | "malformed" | undefined {
  const [matched, region, account, namespaceId] = targetArnForm.exec(arn) ?? [];
  if (matched === undefined) return "malformed";
  if (region !== home.region || account !== home.account) return undefined;
  return targets.find((target) => target.namespaceId === namespaceId);
}
