import { randomUUID } from "node:crypto";
import { unreachable } from "../../base/assert.ts";
import type { NewIntegration, Quotas } from "../../catalog/integrations/desired-state.ts";
import { inbound } from "../../model/policy/namespace-policy.ts";
import type { SourceResource, TargetResource } from "../../model/resources.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { StructureShape, ValueOf } from "../../wire/aws/shape.ts";
import { maySee } from "../access/authorization.ts";
import { tagsIn } from "../access/permission.ts";
import { action } from "../action.ts";
import type { ApiOptions } from "../options.ts";
import { canonicalTargetArn, findTarget, integrationArn } from "../protocol/arn.ts";
import {
  anyString,
  description,
  encryptionContext,
  integrationName,
  tagList,
} from "../protocol/shape-parts.ts";
import { requireAuthorizedSource } from "../redshift/resource-policies.ts";
import { checkDataFilter } from "./data-filter-input.ts";
import { encryptionOf, wrappedKeyOf } from "./encryption-input.ts";
import { integrationOutput, nameTaken } from "./integration-output.ts";
import { dataFilter, integration, sourceArn, targetArn } from "./shapes.ts";
import { elsewhere, sourceNotFound } from "./source-not-found.ts";
import { parseTags } from "./tag-rules.ts";

const inputShape = {
  kind: "structure",
  required: { SourceArn: sourceArn, TargetArn: targetArn, IntegrationName: integrationName },
  optional: {
    KMSKeyId: anyString,
    AdditionalEncryptionContext: encryptionContext,
    Tags: tagList,
    DataFilter: dataFilter,
    Description: description,
  },
} as const satisfies StructureShape;

type Input = ValueOf<typeof inputShape>;

/** Everything is checked before anything is written; replication starts after the response. */
export const createIntegration = action({
  name: "CreateIntegration",
  input: inputShape,
  output: integration,
  permission: {
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
  handle: async (input, call) => {
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
  },
});

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
    dataFilter: checkDataFilter(source.filters, input.DataFilter),
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

// The action declares no fault for a target that does not exist, so it is reported as an invalid value.
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
