import { randomUUID } from "node:crypto";
import { unreachable } from "../../base/assert.ts";
import type { NewIntegration, Quotas } from "../../catalog/integrations/desired-state.ts";
import type { SourceResource, TargetResource } from "../../model/resources.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { ValueOf } from "../../wire/aws/shape.ts";
import { findTarget } from "../protocol/arn.ts";
import { maySee } from "../access/authorization.ts";
import { checkDataFilter } from "./data-filter-input.ts";
import { encryptionOf, wrappedKeyOf } from "./encryption-input.ts";
import { requireAuthorizedSource } from "../redshift/resource-policies.ts";
import { integrationOutput, nameTaken } from "./integration-output.ts";
import type { ApiOptions, Call } from "../options.ts";
import type { IntegrationOutput, shapes } from "./integration-shapes.ts";
import { elsewhere, sourceNotFound } from "./source-not-found.ts";
import { parseTags } from "./tag-rules.ts";

type Input = ValueOf<typeof shapes.CreateIntegration.input>;

/** Everything is checked before anything is written; replication starts after the response. */
export async function createIntegration(input: Input, call: Call): Promise<IntegrationOutput> {
  const plain = desiredOf(input, call);
  await requireAuthorizedSource(call, plain);
  // Last: this may send a request to another server.
  const keyed = { ...plain, ...(await encryptionOf(input, call)) };
  const desired = { ...keyed, wrappedKey: await wrappedKeyOf(keyed, call) };
  const creation = await call.catalog.create(desired, call.quotas);
  switch (creation.kind) {
    case "created":
      return integrationOutput(call, creation.integration);
    case "name-taken":
      throw nameTaken(call, desired.name);
    case "pair-taken":
      throw new AwsError(
        "IntegrationAlreadyExistsFault",
        `${maySee(call, creation.integration) ? `The integration ${creation.integration.name}` : "An integration"} already exists between ${desired.sourceArn} and ${desired.targetArn}.`,
      );
    case "quota-exceeded":
      throw new AwsError(
        "IntegrationQuotaExceededFault",
        `You can't create more than ${quotaText(call.quotas, creation.quota)}.`,
      );
    default:
      return unreachable(creation);
  }
}

function quotaText(quotas: Quotas, quota: keyof Quotas): string {
  const where = { perAccount: "in an account", perTarget: "with one target", perSource: "with one source" };
  const limit = quotas[quota];
  return `${limit} ${limit === 1 ? "integration" : "integrations"} ${where[quota]}`;
}

type DesiredFields = Omit<NewIntegration, "kmsKeyId" | "additionalEncryptionContext" | "wrappedKey">;

function desiredOf(input: Input, options: ApiOptions): DesiredFields {
  const source = sourceOf(options, input.SourceArn);
  const target = targetOf(options, input.TargetArn);
  return {
    id: randomUUID(),
    name: input.IntegrationName,
    sourceArn: source.arn,
    targetArn: target.arn,
    dataFilter: checkDataFilter(source.engine, input.DataFilter),
    description: input.Description,
    tags: parseTags(input.Tags ?? []),
    createdAt: options.now(),
  };
}

function sourceOf(options: ApiOptions, arn: string): SourceResource {
  const source = options.sources.find((candidate) => candidate.arn === arn);
  if (source === undefined)
    throw sourceNotFound(options, arn.includes(":cluster:") ? "cluster" : "instance", arn);
  return source;
}

// The operation declares no fault for a target that does not exist, so it is reported as an invalid value.
function targetOf(options: ApiOptions, arn: string): TargetResource {
  const target = findTarget(options.targets, options, arn);
  if (target === "malformed")
    throw new AwsError(
      "InvalidParameterValue",
      "The value of the parameter TargetArn is not valid: it must be the ARN of a Redshift namespace.",
    );
  if (target === undefined)
    throw new AwsError(
      "InvalidParameterValue",
      `The value of the parameter TargetArn is not valid: no data warehouse with this ARN exists. ${elsewhere(options, arn)}`.trimEnd(),
    );
  return target;
}
