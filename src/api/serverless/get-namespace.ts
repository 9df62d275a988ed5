import { action } from "../action.ts";
import { name, namespace } from "./shapes.ts";
import { findTarget, namespaceArn, namespaceOutput } from "./targets.ts";

export const getNamespace = action({
  name: "GetNamespace",
  input: { kind: "structure", required: { namespaceName: name }, optional: {} },
  output: { kind: "structure", required: { namespace }, optional: {} },
  permission: {
    kind: "needs",
    needsOf: ({ namespaceName }, call) => [
      { action: "redshift-serverless:GetNamespace", resource: namespaceArn(call, namespaceName) },
    ],
  },
  handle: async ({ namespaceName }, call) => ({
    namespace: namespaceOutput(findTarget(call, "namespace", namespaceName)),
  }),
});
