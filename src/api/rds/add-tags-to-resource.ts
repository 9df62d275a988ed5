import { unreachable } from "../../base/assert.ts";
import { tagsIn } from "../access/permission.ts";
import { action } from "../action.ts";
import { anyString, tagList } from "../protocol/shape-parts.ts";
import { notFound } from "./integration-output.ts";
import { parseTags, tooManyTags } from "./tag-rules.ts";
import { taggable } from "./taggable.ts";

/** Allowed in any status: tags belong to the API and mean nothing to the runtime. */
export const addTagsToResource = action({
  name: "AddTagsToResource",
  input: { kind: "structure", required: { ResourceName: anyString, Tags: tagList }, optional: {} },
  output: undefined,
  permission: {
    kind: "tagged",
    action: "rds:AddTagsToResource",
    parameter: "ResourceName",
    tagsOf: ({ Tags }) => ({ requestTags: tagsIn(Tags) }),
  },
  handle: async ({ ResourceName, Tags }, call) => {
    const resource = await taggable(call, ResourceName);
    const kind = await resource.add(parseTags(Tags));
    switch (kind) {
      case "tagged":
        return;
      case "unknown":
        throw notFound(ResourceName);
      case "too-many":
        throw tooManyTags();
      default:
        unreachable(kind);
    }
  },
});
