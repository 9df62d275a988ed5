import { decideOnSource, inbound, inboundService } from "../../model/policy/namespace-policy.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { ValueOf } from "../../wire/aws/shape.ts";
import type { Permission } from "../access/permission.ts";
import type { ApiOptions } from "../options.ts";
import { canonicalTargetArn, findTarget } from "../protocol/arn.ts";
import type { resourcePolicy } from "./shapes.ts";

/** The permission for an action on the policy of the namespace that `ResourceArn` names. */
export function onNamespace(action: string): Permission<{ readonly ResourceArn: string }> {
  return {
    kind: "needs",
    needsOf: ({ ResourceArn }) => [{ action, resource: canonicalTargetArn(ResourceArn) }],
  };
}

/** Throws `AccessDenied` when the target has a policy that does not admit the source. */
export async function requireAuthorizedSource(
  { catalog, now }: ApiOptions,
  pair: { readonly sourceArn: string; readonly targetArn: string },
): Promise<void> {
  const found = await catalog.resourcePolicies.find(pair.targetArn);
  const decision = decideOnSource(found?.policy, { ...pair, now: now() });
  if (decision === "allowed") return;
  const statement = {
    Effect: "Allow",
    Principal: { Service: inboundService },
    Action: inbound.authorize,
    Condition: { StringEquals: { "aws:SourceArn": pair.sourceArn } },
  };
  const [why, fix] =
    decision === "denied"
      ? ["with an explicit deny in a resource-based policy", "Take that out of it with PutResourcePolicy."]
      : [
          `because no resource-based policy allows the ${inbound.authorize} action`,
          `Add to it, with PutResourcePolicy: ${JSON.stringify(statement)}`,
        ];
  throw new AwsError(
    "AccessDenied",
    `Service: ${inboundService} is not authorized to perform: ${inbound.authorize} on resource: ${pair.targetArn} for the source ${pair.sourceArn} ${why}. ${fix}`,
  );
}

/** The canonical ARN of a namespace. Throws `ResourceNotFoundFault`, `UnsupportedOperation`. */
export function namespaceOf(options: ApiOptions, arn: string): string {
  const target = findTarget(options.targets, options, arn);
  if (target === "malformed")
    throw new AwsError(
      "UnsupportedOperation",
      "Namespaces alone have resource policies here: ResourceArn must be the ARN of one.",
    );
  if (target === undefined)
    throw new AwsError("ResourceNotFoundFault", `The namespace ${arn} does not exist.`);
  return target.arn;
}

export function policyOutput(arn: string, text: string): ValueOf<typeof resourcePolicy> {
  return { ResourcePolicy: { ResourceArn: arn, Policy: text } };
}

export function noPolicy(arn: string): AwsError {
  return new AwsError("ResourceNotFoundFault", `The namespace ${arn} has no resource policy.`);
}

export function conflict(arn: string): AwsError {
  return new AwsError(
    "ConflictPolicyUpdateFault",
    `The policy of ${arn} is being changed by another request right now. Look at it again, then try again.`,
  );
}
