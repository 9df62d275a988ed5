import { unreachable } from "../../base/assert.ts";
import type { FilterRules } from "../../model/engine-kinds.ts";
import type { Integration } from "../../model/integration.ts";
import { AwsError } from "../../wire/aws/error.ts";
import { action } from "../action.ts";
import type { ApiOptions } from "../options.ts";
import { description, integrationName } from "../protocol/shape-parts.ts";
import { checkDataFilter } from "./data-filter-input.ts";
import { findIntegration, integrationOutput, nameTaken, notFound, wrongState } from "./integration-output.ts";
import { dataFilter, integration, integrationIdentifier } from "./shapes.ts";

/**
 * Name, filter and description; nothing else can change. Without any of them, the integration is returned unchanged.
 */
export const modifyIntegration = action({
  name: "ModifyIntegration",
  input: {
    kind: "structure",
    required: { IntegrationIdentifier: integrationIdentifier },
    optional: { IntegrationName: integrationName, DataFilter: dataFilter, Description: description },
  },
  output: integration,
  permission: {
    kind: "integration",
    action: "rds:ModifyIntegration",
    parameter: "IntegrationIdentifier",
  },
  handle: async (input, call) => {
    const found = await findIntegration(call, input.IntegrationIdentifier);
    const modification = await call.catalog.modify(found.id, {
      name: input.IntegrationName,
      description: input.Description,
      dataFilter:
        input.DataFilter === undefined
          ? undefined
          : checkDataFilter(filtersOf(call, found), input.DataFilter),
    });
    switch (modification.kind) {
      case "modified":
        return integrationOutput(call, modification.integration);
      case "unknown":
        throw notFound(input.IntegrationIdentifier);
      case "name-taken":
        throw nameTaken(call, input.IntegrationName ?? found.name);
      case "wrong-state":
        throw wrongState("modify", modification.integration);
      default:
        return unreachable(modification);
    }
  },
});

function filtersOf({ sources }: ApiOptions, { name, sourceArn }: Integration): FilterRules {
  const source = sources.find(({ arn }) => arn === sourceArn);
  if (source === undefined)
    throw new AwsError(
      "InvalidIntegrationStateFault",
      `You can't change the data filter of the integration ${name} because its source is no longer configured.`,
    );
  return source.filters;
}
