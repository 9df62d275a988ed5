import type { IntegrationFilter } from "../../catalog/integrations/read.ts";
import type { ValueOf } from "../../wire/aws/shape.ts";
import { lookupKey } from "../protocol/arn.ts";
import { maySee } from "../access/authorization.ts";
import { filterQuery, parseFilters, type FilterTable } from "../protocol/filters.ts";
import { findIntegration, integrationOutput } from "./integration-output.ts";
import { pageEnd, pageLimit, pageStart } from "../protocol/list-page.ts";
import type { ListQuery } from "../protocol/marker.ts";
import type { ApiOptions, Call } from "../options.ts";
import type { shapes } from "./integration-shapes.ts";
import { visibleIntegrations } from "../access/visible-page.ts";

type Input = ValueOf<typeof shapes.DescribeIntegrations.input>;
type Output = ValueOf<typeof shapes.DescribeIntegrations.output>;

/** In the order of creation. An unknown identifier is an error; a filter without matches is not. */
export async function describeIntegrations(input: Input, call: Call): Promise<Output> {
  const { IntegrationIdentifier: identifier, Filters: filters } = input;
  const limit = pageLimit(input);
  const filter = parseFilters(filterNames, filters)
    .map(({ meaning, values }) => meaning(call, values))
    .reduce(both, {});
  const query: ListQuery = ["DescribeIntegrations", identifier, ...filterQuery(filters)];
  const start = pageStart(call, input, query);
  const request = {
    after: start === undefined ? undefined : Number(start),
    limit,
    filter: identifier === undefined ? filter : await only(call, identifier, filter),
  };
  const page = await visibleIntegrations(call, request, (integration) => maySee(call, integration));
  return {
    Integrations: page.integrations.map((integration) => integrationOutput(call, integration)),
    Marker: pageEnd(call, page.next?.toString(), query),
  };
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
 * `cluster`, as in the ARN, or the name of an engine, of the currently configured sources.
 */
const filterNames: FilterTable<Narrow> = {
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
