import { getCallerIdentity, identityShapes } from "./sts/caller-identity.ts";
import { deleteIntegration, modifyIntegration } from "./rds/change-integration.ts";
import { createIntegration } from "./rds/create-integration.ts";
import { databaseShapes } from "./rds/database-shapes.ts";
import { describeDbClusters, describeDbInstances } from "./rds/describe-databases.ts";
import { describeDbEngineVersions } from "./rds/describe-engine-versions.ts";
import { describeEventCategories, describeEvents } from "./rds/describe-events.ts";
import { describeIntegrations } from "./rds/describe-integrations.ts";
import { operation, type Operation } from "./protocol/operation.ts";
import {
  databasePermissions,
  identityPermissions,
  permissions,
  redshiftPermissions,
  serverlessPermissions,
} from "./permissions.ts";
import { describeClusters, describeLoggingStatus } from "./redshift/clusters.ts";
import {
  createRedshiftIntegration,
  describeInboundIntegrations,
  describeRedshiftIntegrations,
  missingRedshiftIntegration,
} from "./redshift/integrations.ts";
import { redshiftShapes } from "./redshift/shapes.ts";
import { deleteResourcePolicy, getResourcePolicy, putResourcePolicy } from "./redshift/resource-policies.ts";
import { getNamespace, getWorkgroup, listNamespaces, listWorkgroups } from "./serverless/serverless.ts";
import { serverlessShapes } from "./serverless/shapes.ts";
import { shapes } from "./rds/integration-shapes.ts";
import { addTagsToResource, listTagsForResource, removeTagsFromResource } from "./rds/tagging.ts";

/** A service that uses AWS Query. */
export interface QueryService {
  /** The only API version. */
  readonly version: string;
  readonly namespace: string;
  readonly operations: Readonly<Record<string, Operation>>;
}

/** A service that uses AWS JSON. */
export interface JsonService {
  /** The prefix of the action in the header `X-Amz-Target`. */
  readonly targetPrefix: string;
  readonly operations: Readonly<Record<string, Operation>>;
}

// Both are keyed by the service name in the scope of a signature.

export const queryServices = {
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
      DescribeDBInstances: operation(
        databaseShapes.DescribeDBInstances,
        databasePermissions.DescribeDBInstances,
        describeDbInstances,
      ),
      DescribeDBClusters: operation(
        databaseShapes.DescribeDBClusters,
        databasePermissions.DescribeDBClusters,
        describeDbClusters,
      ),
      DescribeDBEngineVersions: operation(
        databaseShapes.DescribeDBEngineVersions,
        databasePermissions.DescribeDBEngineVersions,
        describeDbEngineVersions,
      ),
      DescribeEvents: operation(shapes.DescribeEvents, permissions.DescribeEvents, describeEvents),
      DescribeEventCategories: operation(
        shapes.DescribeEventCategories,
        permissions.DescribeEventCategories,
        describeEventCategories,
      ),
    },
  },
  redshift: {
    version: "2012-12-01",
    namespace: "http://redshift.amazonaws.com/doc/2012-12-01/",
    operations: {
      DescribeInboundIntegrations: operation(
        redshiftShapes.DescribeInboundIntegrations,
        redshiftPermissions.DescribeInboundIntegrations,
        describeInboundIntegrations,
      ),
      CreateIntegration: operation(
        redshiftShapes.CreateIntegration,
        redshiftPermissions.CreateIntegration,
        createRedshiftIntegration,
      ),
      DescribeIntegrations: operation(
        redshiftShapes.DescribeIntegrations,
        redshiftPermissions.DescribeIntegrations,
        describeRedshiftIntegrations,
      ),
      ModifyIntegration: operation(
        redshiftShapes.ModifyIntegration,
        redshiftPermissions.ModifyIntegration,
        missingRedshiftIntegration,
      ),
      DeleteIntegration: operation(
        redshiftShapes.DeleteIntegration,
        redshiftPermissions.DeleteIntegration,
        missingRedshiftIntegration,
      ),
      DescribeClusters: operation(
        redshiftShapes.DescribeClusters,
        redshiftPermissions.DescribeClusters,
        describeClusters,
      ),
      DescribeLoggingStatus: operation(
        redshiftShapes.DescribeLoggingStatus,
        redshiftPermissions.DescribeLoggingStatus,
        describeLoggingStatus,
      ),
      PutResourcePolicy: operation(
        redshiftShapes.PutResourcePolicy,
        redshiftPermissions.PutResourcePolicy,
        putResourcePolicy,
      ),
      GetResourcePolicy: operation(
        redshiftShapes.GetResourcePolicy,
        redshiftPermissions.GetResourcePolicy,
        getResourcePolicy,
      ),
      DeleteResourcePolicy: operation(
        redshiftShapes.DeleteResourcePolicy,
        redshiftPermissions.DeleteResourcePolicy,
        deleteResourcePolicy,
      ),
    },
  },
  sts: {
    version: "2011-06-15",
    namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
    operations: {
      GetCallerIdentity: operation(
        identityShapes.GetCallerIdentity,
        identityPermissions.GetCallerIdentity,
        getCallerIdentity,
      ),
    },
  },
} as const satisfies Record<string, QueryService>;

export const jsonServices = {
  "redshift-serverless": {
    targetPrefix: "RedshiftServerless",
    operations: {
      ListNamespaces: operation(
        serverlessShapes.ListNamespaces,
        serverlessPermissions.ListNamespaces,
        listNamespaces,
      ),
      GetNamespace: operation(
        serverlessShapes.GetNamespace,
        serverlessPermissions.GetNamespace,
        getNamespace,
      ),
      ListWorkgroups: operation(
        serverlessShapes.ListWorkgroups,
        serverlessPermissions.ListWorkgroups,
        listWorkgroups,
      ),
      GetWorkgroup: operation(
        serverlessShapes.GetWorkgroup,
        serverlessPermissions.GetWorkgroup,
        getWorkgroup,
      ),
    },
  },
} as const satisfies Record<string, JsonService>;

/** All of them. */
export const serviceNames: readonly string[] = [...Object.keys(queryServices), ...Object.keys(jsonServices)];

export type QueryServiceName = keyof typeof queryServices;
export type JsonServiceName = keyof typeof jsonServices;
export type ServiceName = QueryServiceName | JsonServiceName;
