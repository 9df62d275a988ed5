import { unreachable } from "../../base/assert.ts";
import type { Integration } from "../../model/integration.ts";
import type { EngineName } from "../../model/engine-kinds.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { ValueOf } from "../../wire/aws/shape.ts";
import { checkDataFilter } from "./data-filter-input.ts";
import { findIntegration, integrationOutput, nameTaken, notFound, wrongState } from "./integration-output.ts";
import type { ApiOptions } from "../options.ts";
import type { IntegrationOutput, shapes } from "./integration-shapes.ts";

type ModifyInput = ValueOf<typeof shapes.ModifyIntegration.input>;
type DeleteInput = ValueOf<typeof shapes.DeleteIntegration.input>;

/**
 * Name, filter and description; nothing else can change. Without any of them, the integration is returned unchanged.
 */
export async function modifyIntegration(input: ModifyInput, options: ApiOptions): Promise<IntegrationOutput> {
  const integration = await findIntegration(options, input.IntegrationIdentifier);
  const modification = await options.catalog.modify(integration.id, {
    name: input.IntegrationName,
    description: input.Description,
    dataFilter:
      input.DataFilter === undefined
        ? undefined
        : checkDataFilter(engineOf(options, integration), input.DataFilter),
  });
  switch (modification.kind) {
    case "modified":
      return integrationOutput(options, modification.integration);
    case "unknown":
      throw notFound(input.IntegrationIdentifier);
    case "name-taken":
      throw nameTaken(options, input.IntegrationName ?? integration.name);
    case "wrong-state":
      throw wrongState("modify", modification.integration);
    default:
      return unreachable(modification);
  }
}

/** The data stays in the warehouse. The integration exists until everything at the source has been removed. */
export async function deleteIntegration(input: DeleteInput, options: ApiOptions): Promise<IntegrationOutput> {
  const integration = await findIntegration(options, input.IntegrationIdentifier);
  const deletion = await options.catalog.delete(integration.id);
  switch (deletion.kind) {
    case "deleting":
      return integrationOutput(options, deletion.integration);
    case "unknown":
      throw notFound(input.IntegrationIdentifier);
    case "wrong-state":
      throw wrongState("delete", deletion.integration);
    default:
      return unreachable(deletion);
  }
}

function engineOf({ sources }: ApiOptions, { name, sourceArn }: Integration): EngineName {
  const source = sources.find(({ arn }) => arn === sourceArn);
  if (source === undefined)
    throw new AwsError(
      "InvalidIntegrationStateFault",
      `You can't change the data filter of the integration ${name} because its source is no longer configured.`,
    );
  return source.engine;
}
