import type { Integration } from "../../model/integration.ts";
import { AwsError } from "../../wire/aws/error.ts";
import { integrationArn, lookupKey } from "../protocol/arn.ts";
import type { ApiOptions } from "../options.ts";
import type { IntegrationOutput } from "./shapes.ts";
import { tagsOutput } from "./tag-rules.ts";

/**
 * An integration as clients see it. Lists and maps are included even when empty, which SDKs show as `[]` and `{}`; a
 * description that was never set is omitted.
 */
export function integrationOutput(options: ApiOptions, integration: Integration): IntegrationOutput {
  return {
    SourceArn: integration.sourceArn,
    TargetArn: integration.targetArn,
    IntegrationName: integration.name,
    IntegrationArn: integrationArn(options, integration.id),
    KMSKeyId: integration.kmsKeyId,
    AdditionalEncryptionContext: integration.additionalEncryptionContext,
    Status: integration.status,
    Tags: tagsOutput(integration.tags),
    DataFilter: integration.dataFilter,
    CreateTime: integration.createdAt,
    Errors: errorsOutput(integration.errors),
    Description: integration.description,
  };
}

export function errorsOutput(errors: Integration["errors"]): IntegrationOutput["Errors"] {
  return errors.map(({ code, message }) => ({ ErrorCode: code, ErrorMessage: message }));
}

/** By uuid, ARN or name. Throws `IntegrationNotFoundFault`. */
export async function findIntegration(options: ApiOptions, identifier: string): Promise<Integration> {
  const key = lookupKey(options, identifier);
  const integration = key === undefined ? undefined : await options.catalog.find(key);
  if (integration === undefined) throw notFound(identifier);
  return integration;
}

export function notFound(identifier: string): AwsError {
  return new AwsError("IntegrationNotFoundFault", `The integration ${identifier} does not exist.`);
}

export function wrongState(verb: "modify" | "delete", { name }: Integration): AwsError {
  return new AwsError(
    "InvalidIntegrationStateFault",
    `You can't ${verb} the integration ${name} because it is not in a valid state. ` +
      "Wait until the integration is in a valid state and try again.",
  );
}

export function nameTaken(options: ApiOptions, name: string): AwsError {
  return new AwsError(
    "IntegrationConflictOperationFault",
    `An integration named ${name} already exists in account ${options.account}. ` +
      "Integration names must be unique within an account. Use another name, or delete the existing integration.",
  );
}
