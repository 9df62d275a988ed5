import type { Home, TargetResource } from "../../model/resources.ts";

export function integrationArn({ account, region }: Home, id: string): string {
  return `arn:aws:rds:${region}:${account}:integration:${id}`;
}

/** The user that owns an access key. Users are not regional. */
export function userArn({ account }: Home, name: string): string {
  return `arn:aws:iam::${account}:user/${name}`;
}

const integrationArnForm =
  /^arn:aws[a-z-]*:rds(?:-[a-z]*)?:([a-z0-9-]*):([0-9]*):integration:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Whether an ARN has the form of an integration's, in any account and region. */
export function isIntegrationArn(text: string): boolean {
  return /^arn:aws[a-z-]*:rds(?:-[a-z]*)?:[a-z0-9-]*:[0-9]*:integration:/.test(text);
}

/**
 * The catalog's lookup key for an integration's ARN, uuid or name: a uuid or a name. Undefined for an ARN of another
 * account, region or service, for which nothing can exist here.
 */
export function lookupKey(home: Home, identifier: string): string | undefined {
  if (!identifier.startsWith("arn:")) return identifier;
  const [, region, account, id] = integrationArnForm.exec(identifier) ?? [];
  return region === home.region && account === home.account ? id : undefined;
}

// Each service has its own separator, but AWS's documentation mixes them up, and so do its users.
const targetArnForm =
  /^arn:aws[a-z-]*:redshift(?:-serverless)?:([a-z0-9-]+):([0-9]{12}):namespace[:/]([a-z0-9-]+)$/;

/**
 * A namespace's ARN in the form used for targets here, whether it exists or not; any other text is returned unchanged.
 */
export function canonicalTargetArn(arn: string): string {
  const [matched, region, account, namespaceId] = targetArnForm.exec(arn) ?? [];
  if (matched === undefined) return arn;
  return `arn:aws:redshift-serverless:${region}:${account}:namespace/${namespaceId}`;
}

/** The target that an ARN refers to in any form; `malformed` if it is not a namespace's ARN. */
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
