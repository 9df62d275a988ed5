import { anywhere } from "../access/permission.ts";
import { action } from "../action.ts";
import { notFound } from "../rds/integration-output.ts";
import { integration, integrationArn } from "./shapes.ts";

export const deleteIntegration = action({
  name: "DeleteIntegration",
  input: { kind: "structure", required: { IntegrationArn: integrationArn }, optional: {} },
  output: integration,
  permission: anywhere("redshift:DeleteIntegration"),
  handle: async ({ IntegrationArn }) => {
    throw notFound(IntegrationArn);
  },
});
