import type { IntegrationFilter, Page, PageRequest } from "../catalog/read.ts";
import type { Integration } from "../model/integration.ts";
import { AwsError } from "../wire/aws-error.ts";
import type { ValueOf } from "../wire/aws-shape.ts";
import { lookupKey } from "./arn.ts";
import { onlyAllowed } from "./authorization.ts";
import { findIntegration, integrationOutput } from "./integration-output.ts";
import { readMarker, writeMarker, type ListQuery } from "./marker.ts";
import type { ApiOptions, Call } from "./options.ts";
import type { FilterInput, shapes } from "./shapes.ts";

type Input = ValueOf<typeof shapes.DescribeIntegrations.input>;
type Output = ValueOf<typeof shapes.DescribeIntegrations.output>;

const records = { min: 20, max: 100, default: 100 } as const;

/** In the order of creation. An identifier that nothing has is an error, a filter that nothing passes is not. */
export async function describeIntegrations(input: Input, call: Call): Promise<Output> {
  const {
    IntegrationIdentifier: identifier,
    Filters: filters = [],
    MaxRecords: limit = records.default,
  } = input;
  if (limit < records.min || limit > records.max)
    throw new AwsError(
      "InvalidParameterValue",
      `Invalid value ${limit} for MaxRecords. Must be between ${records.min} and ${records.max}`,
    );
  const filter = parseFilters(call, filters);
  const query: ListQuery = [identifier, ...filters.flatMap(({ Name, Values }) => [Name, Values])];
  const { markerKey } = call.catalog;
  const after = input.Marker === undefined ? undefined : readMarker(markerKey, input.Marker, query);
  const narrowed = identifier === undefined ? filter : await only(call, identifier, filter);
  const page = await pageOf(call, { after, limit, filter: narrowed });
  return {
    Integrations: page.integrations.map((integration) => integrationOutput(call, integration)),
    Marker: page.next === undefined ? undefined : writeMarker(markerKey, page.next, query),
  };
}

/** A page of what the caller may see: as long as without the others, so that it does not tell of them. */
async function pageOf(call: Call, { after, limit, filter }: PageRequest): Promise<Page> {
  const integrations: Integration[] = [];
  let next = after;
  do {
    const page = await call.catalog.page({ after: next, limit: limit - integrations.length, filter });
    integrations.push(...onlyAllowed(call, "rds:DescribeIntegrations", page.integrations));
    next = page.next;
  } while (next !== undefined && integrations.length < limit);
  return { integrations, next };
}

async function only(
  options: ApiOptions,
  identifier: string,
  filter: IntegrationFilter,
): Promise<IntegrationFilter> {
  const { id } = await findIntegration(options, identifier);
  return { ...filter, ids: intersection(filter.ids, [id]) };
}

type Narrow = (options: ApiOptions, values: readonly string[]) => IntegrationFilter;

/**
 * The names that Redshift's operation of the same name documents; RDS documents none. A source type is `db` or
 * `cluster`, as in the ARN, or the name of an engine, of the sources that are configured now.
 */
const filterNames: Readonly<Record<string, Narrow>> = {
  "integration-arn": (options, values) => ({
    ids: values.flatMap((arn) => (arn.startsWith("arn:") ? (lookupKey(options, arn) ?? []) : [])),
  }),
  "source-arn": (_, sourceArns) => ({ sourceArns }),
  "source-types": ({ sources }, types) => ({
    sourceArns: sources
      .filter(
        ({ kind, engine }) => types.includes(kind === "cluster" ? "cluster" : "db") || types.includes(engine),
      )
      .map(({ arn }) => arn),
  }),
  status: (_, statuses) => ({ statuses }),
};

function parseFilters(options: ApiOptions, filters: readonly FilterInput[]): IntegrationFilter {
  return filters.map((filter) => parseFilter(options, filter)).reduce(both, {});
}

function parseFilter(options: ApiOptions, { Name, Values = [] }: FilterInput): IntegrationFilter {
  const narrow = Object.hasOwn(filterNames, Name) ? filterNames[Name] : undefined;
  if (narrow === undefined)
    throw new AwsError("InvalidParameterValue", `Unrecognized filter name: ${Name.slice(0, 255)}`);
  if (Values.length === 0)
    throw new AwsError("InvalidParameterValue", `The filter ${Name} must have at least one value.`);
  return narrow(options, Values);
}

function both(a: IntegrationFilter, b: IntegrationFilter): IntegrationFilter {
  return {
    ids: intersection(a.ids, b.ids),
    sourceArns: intersection(a.sourceArns, b.sourceArns),
    statuses: intersection(a.statuses, b.statuses),
  };
}

function intersection(
  a: readonly string[] | undefined,
  b: readonly string[] | undefined,
): readonly string[] | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.filter((value) => b.includes(value));
}
