import { anywhere } from "../access/permission.ts";
import { action } from "../action.ts";
import { description, integrationName } from "../protocol/shape-parts.ts";
import { notFound } from "../rds/integration-output.ts";
import { integration, integrationArn } from "./shapes.ts";

export const modifyIntegration = action({
  name: "ModifyIntegration",
  input: {
    kind: "structure",
    required: { IntegrationArn: integrationArn },
    optional: { Description: description, IntegrationName: integrationName },
  },
  output: integration,
  permission: anywhere("redshift:ModifyIntegration"),
  handle: async ({ IntegrationArn }) => {
    throw notFound(IntegrationArn);
  },
});
