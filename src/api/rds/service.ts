import { addTagsToResource } from "./add-tags-to-resource.ts";
import { createIntegration } from "./create-integration.ts";
import { deleteIntegration } from "./delete-integration.ts";
import { describeDbClusters } from "./describe-db-clusters.ts";
import { describeDbEngineVersions } from "./describe-db-engine-versions.ts";
import { describeDbInstances } from "./describe-db-instances.ts";
import { describeEventCategories } from "./describe-event-categories.ts";
import { describeEvents } from "./describe-events.ts";
import { describeIntegrations } from "./describe-integrations.ts";
import { listTagsForResource } from "./list-tags-for-resource.ts";
import { modifyIntegration } from "./modify-integration.ts";
import { removeTagsFromResource } from "./remove-tags-from-resource.ts";

/** RDS. */
export const rds = {
  version: "2014-10-31",
  namespace: "http://rds.amazonaws.com/doc/2014-10-31/",
  actions: [
    createIntegration,
    describeIntegrations,
    modifyIntegration,
    deleteIntegration,
    addTagsToResource,
    listTagsForResource,
    removeTagsFromResource,
    describeDbInstances,
    describeDbClusters,
    describeDbEngineVersions,
    describeEvents,
    describeEventCategories,
  ],
} as const;
