import type { StructureShape, ValueOf } from "../wire/aws-shape.ts";
import { canonicalTargetArn, integrationArn } from "./arn.ts";
import { tagsIn, type Permission } from "./permission.ts";
import type { shapes } from "./shapes.ts";

type InputOf<Shapes> = Shapes extends { readonly input: infer Input extends StructureShape }
  ? ValueOf<Input>
  : never;

/** What each action needs, with the names and resources of AWS's Service Authorization Reference. */
export const permissions: {
  readonly [Action in keyof typeof shapes]: Permission<InputOf<(typeof shapes)[Action]>>;
} = {
  CreateIntegration: {
    kind: "needs",
    needsOf: ({ SourceArn, TargetArn, Tags = [] }, call) => {
      const requestTags = tagsIn(Tags);
      // Its ARN is not known before it is made.
      const made = integrationArn(call, "*");
      return [
        { action: "rds:CreateIntegration", resource: SourceArn, requestTags },
        { action: "rds:CreateIntegration", resource: made, requestTags },
        ...(Tags.length > 0 ? [{ action: "rds:AddTagsToResource", resource: made, requestTags }] : []),
        { action: "redshift:CreateInboundIntegration", resource: canonicalTargetArn(TargetArn) },
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
};
