import type { Integration } from "../../model/integration.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { ValueOf } from "../../wire/aws/shape.ts";
import { findTarget, integrationArn } from "../protocol/arn.ts";
import { isDenied, mayTellOf } from "../access/authorization.ts";
import { filterQuery, parseFilters } from "../protocol/filters.ts";
import { errorsOutput, findIntegration, notFound } from "../rds/integration-output.ts";
import { pageEnd, pageLimit, pageOf, pageStart } from "../protocol/list-page.ts";
import type { ListQuery } from "../protocol/marker.ts";
import type { ApiOptions, Call } from "../options.ts";
import type { redshiftShapes } from "./shapes.ts";
import { visibleIntegrations } from "../access/visible-page.ts";

type InboundInput = ValueOf<typeof redshiftShapes.DescribeInboundIntegrations.input>;
type InboundOutput = ValueOf<typeof redshiftShapes.DescribeInboundIntegrations.output>;
type DescribeInput = ValueOf<typeof redshiftShapes.DescribeIntegrations.input>;
type DescribeOutput = ValueOf<typeof redshiftShapes.DescribeIntegrations.output>;
type CreateInput = ValueOf<typeof redshiftShapes.CreateIntegration.input>;

/**
 * The RDS integrations as the warehouse sees them, in the order of creation. An integration or a target that does not
 * exist is an error.
 */
export async function describeInboundIntegrations(input: InboundInput, call: Call): Promise<InboundOutput> {
  const { IntegrationArn: arn, TargetArn: targetArn } = input;
  const limit = pageLimit(input);
  const target = targetArn === undefined ? undefined : targetOf(call, targetArn);
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
  const page = await visibleIntegrations(call, request, (integration) => isVisible(call, integration));
  return {
    InboundIntegrations: page.integrations.map((integration) => inboundOutput(call, integration)),
    Marker: pageEnd(call, page.next?.toString(), query),
  };
}

async function findVisible(call: Call, arn: string): Promise<Integration> {
  const integration = await findIntegration(call, arn);
  if (!isVisible(call, integration)) throw notFound(arn);
  return integration;
}

/** A policy can name the integration, as for RDS, or the namespace into which it replicates. */
function isVisible(call: Call, integration: Integration): boolean {
  const action = "redshift:DescribeInboundIntegrations";
  return mayTellOf(call, action, integration) && !isDenied(call, { action, resource: integration.targetArn });
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
  { id, sourceArn, targetArn, status, errors, createdAt }: Integration,
): InboundOutput["InboundIntegrations"][number] {
  return {
    IntegrationArn: integrationArn(options, id),
    SourceArn: sourceArn,
    TargetArn: targetArn,
    Status: status,
    Errors: errorsOutput(errors),
    CreateTime: createdAt,
  };
}

// Integrations that Redshift itself creates have S3 or DynamoDB as their source, which is not supported here: none can
// exist, and RDS integrations are not among them.

export async function createRedshiftIntegration({ SourceArn }: CreateInput): Promise<never> {
  throw new AwsError(
    "UnsupportedOperation",
    `${SourceArn} cannot be a source here: sources are databases, with integrations that CreateIntegration of RDS creates.`,
  );
}

export async function describeRedshiftIntegrations(
  input: DescribeInput,
  options: ApiOptions,
): Promise<DescribeOutput> {
  const { IntegrationArn: arn, Filters: filters } = input;
  parseFilters(redshiftFilterNames, filters);
  const query: ListQuery = ["Redshift DescribeIntegrations", arn, ...filterQuery(filters)];
  const { items, Marker } = pageOf<never>(options, input, { items: [], placeOf: String, query });
  if (arn !== undefined) throw notFound(arn);
  return { Integrations: items, Marker };
}

const redshiftFilterNames = {
  "integration-arn": true,
  "source-arn": true,
  "source-types": true,
  status: true,
} as const;

export async function missingRedshiftIntegration({
  IntegrationArn,
}: {
  readonly IntegrationArn: string;
}): Promise<never> {
  throw notFound(IntegrationArn);
}
