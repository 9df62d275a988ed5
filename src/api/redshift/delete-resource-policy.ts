import { unreachable } from "../../base/assert.ts";
import { action } from "../action.ts";
import { anyString } from "../protocol/shape-parts.ts";
import { conflict, namespaceOf, noPolicy, onNamespace } from "./resource-policies.ts";

export const deleteResourcePolicy = action({
  name: "DeleteResourcePolicy",
  input: { kind: "structure", required: { ResourceArn: anyString }, optional: {} },
  output: undefined,
  permission: onNamespace("redshift:DeleteResourcePolicy"),
  handle: async ({ ResourceArn }, call) => {
    const arn = namespaceOf(call, ResourceArn);
    const removal = await call.catalog.resourcePolicies.remove(arn);
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
  },
});
