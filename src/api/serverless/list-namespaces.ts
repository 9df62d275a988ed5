import { anywhere } from "../access/permission.ts";
import { action } from "../action.ts";
import { listOf, marker } from "../protocol/shape-parts.ts";
import { namespace, page } from "./shapes.ts";
import { namespaceOutput, targetPage } from "./targets.ts";

/** In the order of their names. */
export const listNamespaces = action({
  name: "ListNamespaces",
  input: { kind: "structure", required: {}, optional: page },
  output: {
    kind: "structure",
    required: { namespaces: listOf(namespace, "member", 100) },
    optional: { nextToken: marker },
  },
  permission: anywhere("redshift-serverless:ListNamespaces"),
  handle: async (input, call) => {
    const list = { items: call.targets, query: ["ListNamespaces"] };
    const { items, next } = targetPage(call, input, list);
    return { namespaces: items.map(namespaceOutput), nextToken: next };
  },
});
