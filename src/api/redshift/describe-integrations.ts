import { anywhere } from "../access/permission.ts";
import { action } from "../action.ts";
import { filterQuery, parseFilters } from "../protocol/filters.ts";
import { pageOf } from "../protocol/list-page.ts";
import type { ListQuery } from "../protocol/marker.ts";
import { filter, listOf, marker, page } from "../protocol/shape-parts.ts";
import { notFound } from "../rds/integration-output.ts";
import { integration, integrationArn } from "./shapes.ts";

const filterNames = {
  "integration-arn": true,
  "source-arn": true,
  "source-types": true,
  status: true,
} as const;

/** There are none. */
export const describeIntegrations = action({
  name: "DescribeIntegrations",
  input: {
    kind: "structure",
    required: {},
    optional: {
      IntegrationArn: integrationArn,
      Filters: listOf(filter, "DescribeIntegrationsFilter", 20),
      ...page,
    },
  },
  output: {
    kind: "structure",
    required: { Integrations: listOf(integration, "Integration", 100) },
    optional: { Marker: marker },
  },
  permission: anywhere("redshift:DescribeIntegrations"),
  handle: async (input, call) => {
    const { IntegrationArn: arn, Filters: filters } = input;
    parseFilters(filterNames, filters);
    const query: ListQuery = ["Redshift DescribeIntegrations", arn, ...filterQuery(filters)];
    const { items, Marker } = pageOf<never>(call, input, { items: [], placeOf: String, query });
    if (arn !== undefined) throw notFound(arn);
    return { Integrations: items, Marker };
  },
});
