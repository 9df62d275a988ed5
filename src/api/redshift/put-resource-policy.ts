import { InvalidPolicy } from "../../model/policy/document.ts";
import { parseNamespacePolicy } from "../../model/policy/namespace-policy.ts";
import { AwsError } from "../../wire/aws/error.ts";
import { InvalidJson, parseJson } from "../../wire/json-text.ts";
import { action } from "../action.ts";
import { anyString } from "../protocol/shape-parts.ts";
import { conflict, namespaceOf, onNamespace, policyOutput } from "./resource-policies.ts";
import { policyText, resourcePolicy } from "./shapes.ts";

/** Replaces the whole policy of a namespace. It also applies to existing integrations. */
export const putResourcePolicy = action({
  name: "PutResourcePolicy",
  input: {
    kind: "structure",
    required: { ResourceArn: anyString, Policy: policyText },
    optional: {},
  },
  output: resourcePolicy,
  permission: onNamespace("redshift:PutResourcePolicy"),
  handle: async ({ ResourceArn, Policy: text }, call) => {
    const arn = namespaceOf(call, ResourceArn);
    checkPolicy(arn, text);
    if ((await call.catalog.resourcePolicies.put(arn, text)) === "conflict") throw conflict(arn);
    return policyOutput(arn, text);
  },
});

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
