import { eventCategories } from "../../model/event.ts";
import type { StructureShape } from "../../wire/aws/shape.ts";
import { anywhere } from "../access/permission.ts";
import { action } from "../action.ts";
import { anyString, filterList, listOf } from "../protocol/shape-parts.ts";
import { checkSourceType, integrationSourceType } from "./event-source-types.ts";
import { eventCategoryList } from "./shapes.ts";

const categoriesOfType = {
  kind: "structure",
  required: { SourceType: anyString, EventCategories: eventCategoryList },
  optional: {},
} as const satisfies StructureShape;

/** `Filters` is ignored, as its documentation says. */
export const describeEventCategories = action({
  name: "DescribeEventCategories",
  input: { kind: "structure", required: {}, optional: { SourceType: anyString, Filters: filterList } },
  output: {
    kind: "structure",
    required: { EventCategoriesMapList: listOf(categoriesOfType, "EventCategoriesMap", 100) },
    optional: {},
  },
  permission: anywhere("rds:DescribeEventCategories"),
  handle: async ({ SourceType }) => {
    checkSourceType(SourceType);
    const isAsked = SourceType === undefined || SourceType === integrationSourceType;
    const ours = { SourceType: integrationSourceType, EventCategories: eventCategories };
    return { EventCategoriesMapList: isAsked ? [ours] : [] };
  },
});
