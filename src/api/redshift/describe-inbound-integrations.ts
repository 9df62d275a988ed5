import type { Integration } from "../../model/integration.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { StringShape, StructureShape, ValueOf } from "../../wire/aws/shape.ts";
import { isDenied, mayTellOf } from "../access/authorization.ts";
import { visibleIntegrations } from "../access/visible-page.ts";
import { action } from "../action.ts";
import type { ApiOptions, Call } from "../options.ts";
import { canonicalTargetArn, findTarget, integrationArn } from "../protocol/arn.ts";
import { pageEnd, pageLimit, pageStart } from "../protocol/list-page.ts";
import type { ListQuery } from "../protocol/marker.ts";
import { anyString, integrationErrors, listOf, marker, page } from "../protocol/shape-parts.ts";
import { errorsOutput, findIntegration, notFound } from "../rds/integration-output.ts";
import { targetArn } from "./shapes.ts";

/** Of integrations created by any service. */
const inboundIntegrationArn: StringShape = {
  kind: "string",
  lengthMin: 1,
  lengthMax: 255,
  pattern: /^arn:aws[a-z-]*:[a-z-]+:[a-z0-9-]*:[0-9]*:integration:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};

const inboundIntegration = {
  kind: "structure",
  required: {
    IntegrationArn: anyString,
    SourceArn: anyString,
    TargetArn: anyString,
    Status: anyString,
    Errors: integrationErrors,
    CreateTime: { kind: "timestamp" },
  },
  optional: {},
} as const satisfies StructureShape;

/**
 * The RDS integrations as the warehouse sees them, in the order of creation. An integration or a target that does not
 * exist is an error.
 */
export const describeInboundIntegrations = action({
  name: "DescribeInboundIntegrations",
  input: {
    kind: "structure",
    required: {},
    optional: { IntegrationArn: inboundIntegrationArn, TargetArn: targetArn, ...page },
  },
  output: {
    kind: "structure",
    required: { InboundIntegrations: listOf(inboundIntegration, "InboundIntegration", 100) },
    optional: { Marker: marker },
  },
  permission: {
    kind: "needs",
    needsOf: ({ TargetArn }) => [
      {
        action: "redshift:DescribeInboundIntegrations",
        resource: TargetArn === undefined ? "*" : canonicalTargetArn(TargetArn),
      },
    ],
  },
  handle: async (input, call) => {
    const { IntegrationArn: arn, TargetArn } = input;
    const limit = pageLimit(input);
    const target = TargetArn === undefined ? undefined : targetOf(call, TargetArn);
    const query: ListQuery = ["DescribeInboundIntegrations", arn, target];
    const start = pageStart(call, input, query);
    const request = {
      after: start === undefined ? undefined : Number(start),
      limit,
      filter: {
        ids: arn === undefined ? undefined : [(await findVisible(call, arn)).id],
        targetArns: target === undefined ? undefined : [target],
      },
    };
    const found = await visibleIntegrations(call, request, (integration) => isVisible(call, integration));
    return {
      InboundIntegrations: found.integrations.map((integration) => inboundOutput(call, integration)),
      Marker: pageEnd(call, found.next?.toString(), query),
    };
  },
});

async function findVisible(call: Call, arn: string): Promise<Integration> {
  const integration = await findIntegration(call, arn);
  if (!isVisible(call, integration)) throw notFound(arn);
  return integration;
}

/** A policy can name the integration, as for RDS, or the namespace into which it replicates. */
function isVisible(call: Call, integration: Integration): boolean {
  const wanted = "redshift:DescribeInboundIntegrations";
  return (
    mayTellOf(call, wanted, integration) &&
    !isDenied(call, { action: wanted, resource: integration.targetArn })
  );
}

/** The canonical ARN. */
function targetOf(options: ApiOptions, arn: string): string {
  const target = findTarget(options.targets, options, arn);
  if (target === undefined || target === "malformed")
    throw new AwsError("InvalidNamespaceFault", `The namespace ${arn} does not exist.`);
  return target.arn;
}

function inboundOutput(
  options: ApiOptions,
  { id, sourceArn, targetArn: intoArn, status, errors, createdAt }: Integration,
): ValueOf<typeof inboundIntegration> {
  return {
    IntegrationArn: integrationArn(options, id),
    SourceArn: sourceArn,
    TargetArn: intoArn,
    Status: status,
    Errors: errorsOutput(errors),
    CreateTime: createdAt,
  };
}
