import { action } from "../action.ts";
import { name, workgroup } from "./shapes.ts";
import { findTarget, workgroupArn, workgroupOutput } from "./targets.ts";

export const getWorkgroup = action({
  name: "GetWorkgroup",
  input: { kind: "structure", required: { workgroupName: name }, optional: {} },
  output: { kind: "structure", required: { workgroup }, optional: {} },
  permission: {
    kind: "needs",
    needsOf: ({ workgroupName }, call) => [
      { action: "redshift-serverless:GetWorkgroup", resource: workgroupArn(call, workgroupName) },
    ],
  },
  handle: async ({ workgroupName }, call) => ({
    workgroup: workgroupOutput(call, findTarget(call, "workgroup", workgroupName)),
  }),
});
