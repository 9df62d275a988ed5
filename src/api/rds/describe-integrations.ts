import type { IntegrationFilter } from "../../catalog/integrations/read.ts";
import { maySee } from "../access/authorization.ts";
import { visibleIntegrations } from "../access/visible-page.ts";
import { action } from "../action.ts";
import type { ApiOptions } from "../options.ts";
import { lookupKey } from "../protocol/arn.ts";
import { filterQuery, parseFilters, type FilterTable } from "../protocol/filters.ts";
import { pageEnd, pageLimit, pageStart } from "../protocol/list-page.ts";
import type { ListQuery } from "../protocol/marker.ts";
import { listOf, marker } from "../protocol/shape-parts.ts";
import { findIntegration, integrationOutput } from "./integration-output.ts";
import { filteredPage, integration, integrationIdentifier } from "./shapes.ts";

/** In the order of creation. An unknown identifier is an error; a filter without matches is not. */
export const describeIntegrations = action({
  name: "DescribeIntegrations",
  input: {
    kind: "structure",
    required: {},
    optional: { IntegrationIdentifier: integrationIdentifier, ...filteredPage },
  },
  output: {
    kind: "structure",
    required: { Integrations: listOf(integration, "Integration", 100) },
    optional: { Marker: marker },
  },
  permission: {
    kind: "integration",
    action: "rds:DescribeIntegrations",
    parameter: "IntegrationIdentifier",
  },
  handle: async (input, call) => {
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
    const page = await visibleIntegrations(call, request, (each) => maySee(call, each));
    return {
      Integrations: page.integrations.map((each) => integrationOutput(call, each)),
      Marker: pageEnd(call, page.next?.toString(), query),
    };
  },
});

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
 * The names that Redshift's action of the same name documents; RDS documents none. A source type is `db` or
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
