import { inbound } from "../model/policy/namespace-policy.ts";
import type { StructureShape, ValueOf } from "../wire/aws/shape.ts";
import { canonicalTargetArn, integrationArn } from "./protocol/arn.ts";
import type { identityShapes } from "./sts/caller-identity.ts";
import type { databaseShapes } from "./rds/database-shapes.ts";
import { sourceNamed } from "./rds/describe-databases.ts";
import type { Call } from "./options.ts";
import { tagsIn, type Permission } from "./access/permission.ts";
import type { redshiftShapes } from "./redshift/shapes.ts";
import { namespaceArn, workgroupArn } from "./serverless/serverless.ts";
import type { serverlessShapes } from "./serverless/shapes.ts";
import type { shapes } from "./rds/integration-shapes.ts";

type InputOf<Shapes> = Shapes extends { readonly input: infer Input extends StructureShape }
  ? ValueOf<Input>
  : never;

type PermissionsOf<Shapes> = { readonly [Action in keyof Shapes]: Permission<InputOf<Shapes[Action]>> };

// The permissions of each action, with the names and resources of AWS's Service Authorization Reference.

/** For integrations, their events and tags. */
export const permissions: PermissionsOf<typeof shapes> = {
  CreateIntegration: {
    kind: "needs",
    needsOf: async ({ SourceArn, TargetArn, Tags = [] }, call) => {
      const requestTags = tagsIn(Tags);
      const target = canonicalTargetArn(TargetArn);
      const resourcePolicy = (await call.catalog.resourcePolicies.find(target))?.policy;
      // Its ARN is not known before it is created.
      const made = integrationArn(call, "*");
      return [
        { action: "rds:CreateIntegration", resource: SourceArn, requestTags },
        { action: "rds:CreateIntegration", resource: made, requestTags },
        ...(Tags.length > 0 ? [{ action: "rds:AddTagsToResource", resource: made, requestTags }] : []),
        { action: inbound.create, resource: target, resourcePolicy },
      ];
    },
  },
  DescribeIntegrations: {
    kind: "integration",
    action: "rds:DescribeIntegrations",
    parameter: "IntegrationIdentifier",
  },
  ModifyIntegration: {
    kind: "integration",
    action: "rds:ModifyIntegration",
    parameter: "IntegrationIdentifier",
  },
  DeleteIntegration: {
    kind: "integration",
    action: "rds:DeleteIntegration",
    parameter: "IntegrationIdentifier",
  },
  AddTagsToResource: {
    kind: "tagged",
    action: "rds:AddTagsToResource",
    parameter: "ResourceName",
    tagsOf: ({ Tags }) => ({ requestTags: tagsIn(Tags) }),
  },
  ListTagsForResource: {
    kind: "tagged",
    action: "rds:ListTagsForResource",
    parameter: "ResourceName",
    tagsOf: () => ({}),
  },
  RemoveTagsFromResource: {
    kind: "tagged",
    action: "rds:RemoveTagsFromResource",
    parameter: "ResourceName",
    tagsOf: ({ TagKeys }) => ({ tagKeys: TagKeys }),
  },
  DescribeEvents: anywhere("rds:DescribeEvents"),
  DescribeEventCategories: anywhere("rds:DescribeEventCategories"),
};

export const databasePermissions: PermissionsOf<typeof databaseShapes> = {
  DescribeDBInstances: {
    kind: "needs",
    needsOf: ({ DBInstanceIdentifier }, call) => [
      { action: "rds:DescribeDBInstances", resource: databaseArn(call, "instance", DBInstanceIdentifier) },
    ],
  },
  DescribeDBClusters: {
    kind: "needs",
    needsOf: ({ DBClusterIdentifier }, call) => [
      { action: "rds:DescribeDBClusters", resource: databaseArn(call, "cluster", DBClusterIdentifier) },
    ],
  },
  DescribeDBEngineVersions: anywhere("rds:DescribeDBEngineVersions"),
};

export const redshiftPermissions: PermissionsOf<typeof redshiftShapes> = {
  DescribeInboundIntegrations: {
    kind: "needs",
    needsOf: ({ TargetArn }) => [
      {
        action: "redshift:DescribeInboundIntegrations",
        resource: TargetArn === undefined ? "*" : canonicalTargetArn(TargetArn),
      },
    ],
  },
  CreateIntegration: anywhere("redshift:CreateIntegration"),
  DescribeIntegrations: anywhere("redshift:DescribeIntegrations"),
  ModifyIntegration: anywhere("redshift:ModifyIntegration"),
  DeleteIntegration: anywhere("redshift:DeleteIntegration"),
  DescribeClusters: anywhere("redshift:DescribeClusters"),
  DescribeLoggingStatus: anywhere("redshift:DescribeLoggingStatus"),
  PutResourcePolicy: onNamespace("redshift:PutResourcePolicy"),
  GetResourcePolicy: onNamespace("redshift:GetResourcePolicy"),
  DeleteResourcePolicy: onNamespace("redshift:DeleteResourcePolicy"),
};

export const serverlessPermissions: PermissionsOf<typeof serverlessShapes> = {
  ListNamespaces: anywhere("redshift-serverless:ListNamespaces"),
  GetNamespace: {
    kind: "needs",
    needsOf: ({ namespaceName }, call) => [
      { action: "redshift-serverless:GetNamespace", resource: namespaceArn(call, namespaceName) },
    ],
  },
  ListWorkgroups: anywhere("redshift-serverless:ListWorkgroups"),
  GetWorkgroup: {
    kind: "needs",
    needsOf: ({ workgroupName }, call) => [
      { action: "redshift-serverless:GetWorkgroup", resource: workgroupArn(call, workgroupName) },
    ],
  },
};

/** Every caller may ask for its own identity, even one without any other permission. */
export const identityPermissions: PermissionsOf<typeof identityShapes> = {
  GetCallerIdentity: { kind: "needs", needsOf: () => [] },
};

function onNamespace(action: string): Permission<{ readonly ResourceArn: string }> {
  return {
    kind: "needs",
    needsOf: ({ ResourceArn }) => [{ action, resource: canonicalTargetArn(ResourceArn) }],
  };
}

/** An action that applies to no particular resource. */
function anywhere(action: string): Permission<object> {
  return { kind: "needs", needsOf: () => [{ action, resource: "*" }] };
}

/** The ARN of the database with an identifier or ARN, or of all databases. */
function databaseArn(call: Call, kind: "instance" | "cluster", identifier = "*"): string {
  const source = sourceNamed(call, kind, identifier);
  if (source !== undefined) return source.arn;
  const type = kind === "instance" ? "db" : "cluster";
  return identifier.startsWith("arn:")
    ? identifier
    : `arn:aws:rds:${call.region}:${call.account}:${type}:${identifier}`;
}
