import { unreachable } from "../../base/assert.ts";
import { action } from "../action.ts";
import { findIntegration, integrationOutput, notFound, wrongState } from "./integration-output.ts";
import { integration, integrationIdentifier } from "./shapes.ts";

/** The data stays in the warehouse. The integration exists until everything at the source has been removed. */
export const deleteIntegration = action({
  name: "DeleteIntegration",
  input: {
    kind: "structure",
    required: { IntegrationIdentifier: integrationIdentifier },
    optional: {},
  },
  output: integration,
  permission: {
    kind: "integration",
    action: "rds:DeleteIntegration",
    parameter: "IntegrationIdentifier",
  },
  handle: async ({ IntegrationIdentifier: identifier }, call) => {
    const found = await findIntegration(call, identifier);
    const deletion = await call.catalog.delete(found.id);
    switch (deletion.kind) {
      case "deleting":
        return integrationOutput(call, deletion.integration);
      case "unknown":
        throw notFound(identifier);
      case "wrong-state":
        throw wrongState("delete", deletion.integration);
      default:
        return unreachable(deletion);
    }
  },
});
