import { action } from "../action.ts";
import { anyString } from "../protocol/shape-parts.ts";
import { namespaceOf, noPolicy, onNamespace, policyOutput } from "./resource-policies.ts";
import { resourcePolicy } from "./shapes.ts";

export const getResourcePolicy = action({
  name: "GetResourcePolicy",
  input: { kind: "structure", required: { ResourceArn: anyString }, optional: {} },
  output: resourcePolicy,
  permission: onNamespace("redshift:GetResourcePolicy"),
  handle: async ({ ResourceArn }, call) => {
    const arn = namespaceOf(call, ResourceArn);
    const found = await call.catalog.resourcePolicies.find(arn);
    if (found === undefined) throw noPolicy(arn);
    return policyOutput(arn, found.text);
  },
});
