import { deleteIntegration, modifyIntegration } from "./change-integration.ts";
import { createIntegration } from "./create-integration.ts";
import { describeIntegrations } from "./describe-integrations.ts";
import { operation, type Operation } from "./operation.ts";
import { permissions } from "./permissions.ts";
import { shapes } from "./shapes.ts";
import { addTagsToResource, listTagsForResource, removeTagsFromResource } from "./tagging.ts";

export interface Service {
  /** The only API version there is. */
  readonly version: string;
  readonly namespace: string;
  readonly operations: Readonly<Record<string, Operation>>;
}

/** By the name that the scope of a signature gives them. */
export const services = {
  rds: {
    version: "2014-10-31",
    namespace: "http://rds.amazonaws.com/doc/2014-10-31/",
    operations: {
      CreateIntegration: operation(
        shapes.CreateIntegration,
        permissions.CreateIntegration,
        createIntegration,
      ),
      DescribeIntegrations: operation(
        shapes.DescribeIntegrations,
        permissions.DescribeIntegrations,
        describeIntegrations,
      ),
      ModifyIntegration: operation(
        shapes.ModifyIntegration,
        permissions.ModifyIntegration,
        modifyIntegration,
      ),
      DeleteIntegration: operation(
        shapes.DeleteIntegration,
        permissions.DeleteIntegration,
        deleteIntegration,
      ),
      AddTagsToResource: operation(
        shapes.AddTagsToResource,
        permissions.AddTagsToResource,
        addTagsToResource,
      ),
      ListTagsForResource: operation(
        shapes.ListTagsForResource,
        permissions.ListTagsForResource,
        listTagsForResource,
      ),
      RemoveTagsFromResource: operation(
        shapes.RemoveTagsFromResource,
        permissions.RemoveTagsFromResource,
        removeTagsFromResource,
      ),
    },
  },
  redshift: {
    version: "2012-12-01",
    namespace: "http://redshift.amazonaws.com/doc/2012-12-01/",
    operations: {},
  },
} as const satisfies Record<string, Service>;

export type ServiceName = keyof typeof services;

export const serviceNames = Object.keys(services) as readonly ServiceName[];
