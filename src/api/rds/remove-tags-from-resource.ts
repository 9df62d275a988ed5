import { action } from "../action.ts";
import { anyString, listOf } from "../protocol/shape-parts.ts";
import { notFound } from "./integration-output.ts";
import { taggable } from "./taggable.ts";

export const removeTagsFromResource = action({
  name: "RemoveTagsFromResource",
  input: {
    kind: "structure",
    required: {
      ResourceName: anyString,
      TagKeys: listOf({ kind: "string", lengthMax: 128 }, "member", 200),
    },
    optional: {},
  },
  output: undefined,
  permission: {
    kind: "tagged",
    action: "rds:RemoveTagsFromResource",
    parameter: "ResourceName",
    tagsOf: ({ TagKeys }) => ({ tagKeys: TagKeys }),
  },
  handle: async ({ ResourceName, TagKeys }, call) => {
    const resource = await taggable(call, ResourceName);
    if (!(await resource.remove(TagKeys))) throw notFound(ResourceName);
  },
});
