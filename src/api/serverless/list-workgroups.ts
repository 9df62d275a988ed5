import { anywhere } from "../access/permission.ts";
import { action } from "../action.ts";
import { listOf, marker } from "../protocol/shape-parts.ts";
import { page, workgroup } from "./shapes.ts";
import { targetPage, workgroupOutput } from "./targets.ts";

/** In the order of their names. Other accounts have none here. */
export const listWorkgroups = action({
  name: "ListWorkgroups",
  input: {
    kind: "structure",
    required: {},
    optional: { ...page, ownerAccount: { kind: "string", lengthMax: 12, pattern: /^\d{12}$/ } },
  },
  output: {
    kind: "structure",
    required: { workgroups: listOf(workgroup, "member", 100) },
    optional: { nextToken: marker },
  },
  permission: anywhere("redshift-serverless:ListWorkgroups"),
  handle: async (input, call) => {
    const { ownerAccount = call.account } = input;
    const targets = ownerAccount === call.account ? call.targets : [];
    const list = { items: targets, query: ["ListWorkgroups", ownerAccount] };
    const { items, next } = targetPage(call, input, list);
    return { workgroups: items.map((target) => workgroupOutput(call, target)), nextToken: next };
  },
});
