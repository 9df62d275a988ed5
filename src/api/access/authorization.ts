import { alsoNamed } from "../../model/policy/namespace-policy.ts";
import type { AccessContext } from "../../model/policy/pattern.ts";
import { decide, type AccessRequest, type Decision, type Policy } from "../../model/policy/policy.ts";
import type { Integration, Tag } from "../../model/integration.ts";
import { AwsError } from "../../wire/aws/error.ts";
import { integrationArn, lookupKey, userArn } from "../protocol/arn.ts";
import type { Call } from "../options.ts";

/** An action on a resource for which a call needs permission. */
export interface Need {
  /** IAM's name for it, such as `rds:CreateIntegration`. */
  readonly action: string;
  /** As in `AccessRequest`. */
  readonly amountsTo?: readonly string[] | undefined;
  /** An ARN; `*` if there is none. */
  readonly resource: string;
  readonly resourceTags?: readonly Tag[] | undefined;
  /** Tags that the request adds. */
  readonly requestTags?: readonly Tag[] | undefined;
  /** Tag keys that the request adds or removes. */
  readonly tagKeys?: readonly string[] | undefined;
  /** The resource's policy: it can allow what the caller's own policy does not, and deny what that allows. */
  readonly resourcePolicy?: Policy | undefined;
}

const seeing = "rds:DescribeIntegrations";

/** Throws `AccessDenied`, in AWS's wording, for the first need that policies do not allow the caller. */
export function authorize(call: Call, needs: readonly Need[]): void {
  for (const need of needs) {
    const refusal = refusalOf(call, need);
    if (refusal !== undefined) throw accessDenied(call, need, refusal);
  }
}

/**
 * Whether the response to `action`, which covers many integrations, may include this one: no policy denies the action
 * on it, or seeing it.
 */
export function mayTellOf(
  call: Call,
  action: string,
  { id, tags }: Pick<Integration, "id" | "tags">,
): boolean {
  const resource = integrationArn(call, id);
  return ![action, seeing].some((each) => isDenied(call, { action: each, resource, resourceTags: tags }));
}

/** Whether the caller may know that the integration exists. */
export function maySee(call: Call, integration: Integration): boolean {
  return isAllowed(call, needOn(call, integration, { action: seeing }));
}

/**
 * The integration with a uuid, name or ARN, if the caller may perform the action on it. Throws `AccessDenied`. A caller
 * that may not describe an integration gets the same answer as if it did not exist: undefined, or `AccessDenied` for
 * the identifier.
 */
export async function findAllowed(
  call: Call,
  identifier: string,
  wanted: Omit<Need, "resource">,
): Promise<Integration | undefined> {
  const key = lookupKey(call, identifier);
  const found = key === undefined ? undefined : await call.catalog.find(key);
  if (found !== undefined) {
    const need = needOn(call, found, wanted);
    if (isAllowed(call, need)) return found;
    if (maySee(call, found)) authorize(call, [need]);
  }
  const resource = identifier.startsWith("arn:") ? identifier : integrationArn(call, identifier);
  authorize(call, [{ ...wanted, resource }]);
  return undefined;
}

function needOn(call: Call, { id, tags }: Integration, wanted: Omit<Need, "resource">): Need {
  return { ...wanted, resource: integrationArn(call, id), resourceTags: tags };
}

export function isAllowed(call: Call, need: Need): boolean {
  return refusalOf(call, need) === undefined;
}

/** Whether a policy denies it explicitly. */
export function isDenied(call: Call, need: Need): boolean {
  return Object.values(decisionsOn(call, need)).includes("denied");
}

/** The reason why the caller is not allowed; undefined when it is. */
function refusalOf(call: Call, need: Need): string | undefined {
  const { byOwn, byResource } = decisionsOn(call, need);
  if (byOwn === "denied") return "with an explicit deny in an identity-based policy";
  if (byResource === "denied") return "with an explicit deny in a resource-based policy";
  if (byOwn === "allowed" || byResource === "allowed") return undefined;
  return `because no identity-based policy allows the ${need.action} action`;
}

function decisionsOn(call: Call, need: Need): Readonly<Record<"byOwn" | "byResource", Decision>> {
  const { policy: own } = call.caller;
  const { action, amountsTo, resource, resourcePolicy } = need;
  // Building the request for each of many integrations would take as long as listing them.
  if (own === undefined && resourcePolicy === undefined)
    return { byOwn: "allowed", byResource: "not-allowed" };
  const { account } = call;
  const request: AccessRequest = {
    action,
    amountsTo,
    resource,
    alsoNamed: alsoNamed(resource),
    context: contextOf(call, need),
    principal: { kind: "user", account, arn: userArn(call, call.caller.user) },
  };
  return {
    byOwn: own === undefined ? "allowed" : decide(own, request),
    byResource: resourcePolicy === undefined ? "not-allowed" : decide(resourcePolicy, request),
  };
}

/** The condition keys supported here, out of those that AWS has for every service. */
function contextOf(call: Call, { resourceTags = [], requestTags = [], tagKeys }: Need): AccessContext {
  const now = call.now();
  const context = new Map<string, string[]>([
    ["aws:username", [call.caller.user]],
    ["aws:userid", [call.caller.user]],
    ["aws:principalarn", [userArn(call, call.caller.user)]],
    ["aws:principalaccount", [call.account]],
    ["aws:principaltype", ["User"]],
    ["aws:principalisawsservice", ["false"]],
    ["aws:requestedregion", [call.region]],
    ["aws:currenttime", [now.toISOString()]],
    ["aws:epochtime", [String(Math.floor(now.getTime() / 1_000))]],
    ["aws:securetransport", [String(call.isSecure)]],
    ["aws:tagkeys", [...(tagKeys ?? requestTags.map(({ key }) => key))]],
  ]);
  addTags(context, "aws:resourcetag/", resourceTags);
  addTags(context, "aws:requesttag/", requestTags);
  return context;
}

function addTags(context: Map<string, string[]>, prefix: string, tags: readonly Tag[]): void {
  for (const { key, value } of tags) {
    // Condition keys are case-insensitive. Tags that differ only in case are both included.
    const name = prefix + key.toLowerCase();
    context.set(name, [...(context.get(name) ?? []), value]);
  }
}

function accessDenied(call: Call, { action, resource }: Need, why: string): AwsError {
  return new AwsError(
    "AccessDenied",
    `User: ${userArn(call, call.caller.user)} is not authorized to perform: ${action} on resource: ${resource} ${why}`,
  );
}
