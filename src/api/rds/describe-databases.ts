import { createHash } from "node:crypto";
import { present } from "../../base/assert.ts";
import type { SourceFacts } from "../../catalog/integrations/sources.ts";
import type { SourceResource } from "../../model/resources.ts";
import type { ValueOf } from "../../wire/aws/shape.ts";
import type { ClusterOutput, databaseShapes, InstanceOutput } from "./database-shapes.ts";
import { filtered, filterQuery, type Compared, type FilterTable } from "../protocol/filters.ts";
import { pageOf, type ListPage, type PageInput } from "../protocol/list-page.ts";
import { isDenied } from "../access/authorization.ts";
import type { ApiOptions, Call } from "../options.ts";
import type { FilterInput } from "../protocol/shape-parts.ts";
import { sourceNotFound } from "./source-not-found.ts";
import { tagsOutput } from "./tag-rules.ts";

type InstancesInput = ValueOf<typeof databaseShapes.DescribeDBInstances.input>;
type InstancesOutput = ValueOf<typeof databaseShapes.DescribeDBInstances.output>;
type ClustersInput = ValueOf<typeof databaseShapes.DescribeDBClusters.input>;
type ClustersOutput = ValueOf<typeof databaseShapes.DescribeDBClusters.output>;

/** The configured sources of kind instance, in the order of their names. */
export async function describeDbInstances(input: InstancesInput, call: Call): Promise<InstancesOutput> {
  const { items, Marker } = await listSources(input, call, {
    action: "DescribeDBInstances",
    kind: "instance",
    identifier: input.DBInstanceIdentifier,
    filterNames: instanceFilters,
  });
  return { DBInstances: items.map(instanceOutput), Marker };
}

/** The configured sources of kind cluster, in the order of their names. */
export async function describeDbClusters(input: ClustersInput, call: Call): Promise<ClustersOutput> {
  const { items, Marker } = await listSources(input, call, {
    action: "DescribeDBClusters",
    kind: "cluster",
    identifier: input.DBClusterIdentifier,
    filterNames: clusterFilters,
  });
  return { DBClusters: items.map(clusterOutput), Marker };
}

const namesOf: Compared<SourceResource> = ({ name, arn }) => [name, arn];
const engineOf: Compared<SourceResource> = ({ engine }) => [engine];
const resourceIdOf: Compared<SourceResource> = (source) => [resourceId(source)];
/** No source here has such a property, so no value of the filter matches. */
const nothing: Compared<SourceResource> = () => [];

const instanceFilters: FilterTable<Compared<SourceResource>> = {
  "db-instance-id": namesOf,
  "db-cluster-id": nothing,
  "dbi-resource-id": resourceIdOf,
  domain: nothing,
  engine: engineOf,
};

const clusterFilters: FilterTable<Compared<SourceResource>> = {
  "db-cluster-id": namesOf,
  "db-cluster-resource-id": resourceIdOf,
  "clone-group-id": nothing,
  domain: nothing,
  engine: engineOf,
};

interface SourceList {
  readonly action: string;
  readonly kind: SourceResource["kind"];
  /** A name or an ARN, which must exist. */
  readonly identifier: string | undefined;
  readonly filterNames: FilterTable<Compared<SourceResource>>;
}

type KnownSource = SourceResource & SourceFacts;

async function listSources(
  input: PageInput & { readonly Filters?: readonly FilterInput[] | undefined },
  call: Call,
  { action, kind, identifier, filterNames }: SourceList,
): Promise<ListPage<KnownSource>> {
  const ofKind = call.sources.filter((source) => source.kind === kind);
  const listed = ofKind.filter(({ arn }) => !isDenied(call, { action: `rds:${action}`, resource: arn }));
  const named = identifier === undefined ? listed : only(call, kind, identifier);
  const { items, Marker } = pageOf(call, input, {
    items: filtered(named, filterNames, input.Filters),
    // Names are unique regardless of case.
    placeOf: ({ name }) => name.toLowerCase(),
    query: [action, identifier, ...filterQuery(input.Filters)],
  });
  const facts = await call.catalog.sources(items.map(({ arn }) => arn));
  const known = items.map((source) => ({
    ...source,
    ...present(facts.get(source.arn), "the catalog answers for every ARN"),
  }));
  return { items: known, Marker };
}

function only(options: ApiOptions, kind: SourceResource["kind"], identifier: string): SourceResource[] {
  const source = sourceNamed(options, kind, identifier);
  if (source !== undefined) return [source];
  throw sourceNotFound(options, kind, identifier);
}

/** By name or ARN, both case-insensitive. */
export function sourceNamed(
  { sources }: ApiOptions,
  kind: SourceResource["kind"],
  identifier: string,
): SourceResource | undefined {
  const wanted = identifier.toLowerCase();
  return sources.find(
    (candidate) =>
      candidate.kind === kind && namesOf(candidate).some((value) => value.toLowerCase() === wanted),
  );
}

function instanceOutput(source: KnownSource): InstanceOutput {
  const { name, engine, engineVersion, arn, endpoint, tags } = source;
  return {
    DBInstanceIdentifier: name,
    Engine: engine,
    DBInstanceStatus: statusOf(source),
    Endpoint: endpoint === undefined ? undefined : { Address: endpoint.host, Port: endpoint.port },
    EngineVersion: engineVersion,
    DbiResourceId: resourceId(source),
    DBInstanceArn: arn,
    TagList: tagsOutput(tags),
  };
}

function clusterOutput(source: KnownSource): ClusterOutput {
  const { name, engine, engineVersion, arn, endpoint, tags } = source;
  return {
    DBClusterIdentifier: name,
    Status: statusOf(source),
    Endpoint: endpoint?.host,
    Engine: engine,
    EngineVersion: engineVersion,
    Port: endpoint?.port,
    DbClusterResourceId: resourceId(source),
    DBClusterArn: arn,
    TagList: tagsOutput(tags),
  };
}

/** Unknown while an integration reports that the source cannot be reached: AWS has no status for that. */
function statusOf({ errorCodes }: SourceFacts): string | undefined {
  return errorCodes.includes("SOURCE_UNREACHABLE") ? undefined : "available";
}

const resourceIdAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const resourceIdLength = 26;

/** In AWS's form; stable as long as the ARN is. */
function resourceId({ kind, arn }: SourceResource): string {
  const digest = createHash("sha256").update(arn).digest().subarray(0, resourceIdLength);
  const characters = [...digest].map((byte) => resourceIdAlphabet.charAt(byte & 31));
  return `${kind === "cluster" ? "cluster" : "db"}-${characters.join("")}`;
}
