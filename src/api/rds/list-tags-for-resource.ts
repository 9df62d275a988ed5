import { action } from "../action.ts";
import { parseFilters } from "../protocol/filters.ts";
import { anyString, filterList, tagList } from "../protocol/shape-parts.ts";
import { tagsOutput } from "./tag-rules.ts";
import { taggable } from "./taggable.ts";

export const listTagsForResource = action({
  name: "ListTagsForResource",
  input: {
    kind: "structure",
    required: { ResourceName: anyString },
    optional: { Filters: filterList },
  },
  output: { kind: "structure", required: { TagList: tagList }, optional: {} },
  permission: {
    kind: "tagged",
    action: "rds:ListTagsForResource",
    parameter: "ResourceName",
    tagsOf: () => ({}),
  },
  handle: async ({ ResourceName, Filters }, call) => {
    parseFilters({}, Filters);
    const resource = await taggable(call, ResourceName);
    return { TagList: tagsOutput(await resource.list()) };
  },
});
