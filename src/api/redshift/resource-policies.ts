import { unreachable } from "../../base/assert.ts";
import {
  decideOnSource,
  inbound,
  inboundService,
  parseNamespacePolicy,
} from "../../model/policy/namespace-policy.ts";
import { InvalidPolicy } from "../../model/policy/document.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { ValueOf } from "../../wire/aws/shape.ts";
import { InvalidJson, parseJson } from "../../wire/json-text.ts";
import { findTarget } from "../protocol/arn.ts";
import type { ApiOptions } from "../options.ts";
import type { redshiftShapes } from "./shapes.ts";

type PutInput = ValueOf<typeof redshiftShapes.PutResourcePolicy.input>;
type Input = ValueOf<typeof redshiftShapes.GetResourcePolicy.input>;
type Output = ValueOf<typeof redshiftShapes.GetResourcePolicy.output>;

/** Replaces the whole policy of a namespace. It also applies to existing integrations. */
export async function putResourcePolicy(
  { ResourceArn, Policy: text }: PutInput,
  options: ApiOptions,
): Promise<Output> {
  const arn = namespaceOf(options, ResourceArn);
  checkPolicy(arn, text);
  if ((await options.catalog.resourcePolicies.put(arn, text)) === "conflict") throw conflict(arn);
  return output(arn, text);
}

export async function getResourcePolicy({ ResourceArn }: Input, options: ApiOptions): Promise<Output> {
  const arn = namespaceOf(options, ResourceArn);
  const found = await options.catalog.resourcePolicies.find(arn);
  if (found === undefined) throw noPolicy(arn);
  return output(arn, found.text);
}

export async function deleteResourcePolicy({ ResourceArn }: Input, options: ApiOptions): Promise<void> {
  const arn = namespaceOf(options, ResourceArn);
  const removal = await options.catalog.resourcePolicies.remove(arn);
  switch (removal) {
    case "removed":
      return;
    case "unknown":
      throw noPolicy(arn);
    case "conflict":
      throw conflict(arn);
    default:
      unreachable(removal);
  }
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

/** The canonical ARN. */
function namespaceOf(options: ApiOptions, arn: string): string {
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

function checkPolicy(arn: string, text: string): void {
  try {
    parseNamespacePolicy(parseJson(text), arn);
  } catch (error) {
    if (error instanceof InvalidJson)
      throw new AwsError("InvalidPolicyFault", `The policy is not valid JSON: ${error.message}.`);
    if (error instanceof InvalidPolicy)
      throw new AwsError("InvalidPolicyFault", `The policy is not valid: ${error.message}.`);
    throw error;
  }
}

function output(arn: string, text: string): Output {
  return { ResourcePolicy: { ResourceArn: arn, Policy: text } };
}

function noPolicy(arn: string): AwsError {
  return new AwsError("ResourceNotFoundFault", `The namespace ${arn} has no resource policy.`);
}

function conflict(arn: string): AwsError {
  return new AwsError(
    "ConflictPolicyUpdateFault",
    `The policy of ${arn} is being changed by another request right now. Look at it again, then try again.`,
  );
}
