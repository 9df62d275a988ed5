import { createHash } from "node:crypto";
import { present } from "../../base/assert.ts";
import type { SourceFacts } from "../../catalog/integrations/sources.ts";
import type { SourceResource } from "../../model/resources.ts";
import { isDenied } from "../access/authorization.ts";
import type { ApiOptions, Call } from "../options.ts";
import { filtered, filterQuery, type Compared, type FilterTable } from "../protocol/filters.ts";
import { pageOf, type ListPage, type PageInput } from "../protocol/list-page.ts";
import type { FilterInput } from "../protocol/shape-parts.ts";
import { sourceNotFound } from "./source-not-found.ts";

// What DescribeDBInstances and DescribeDBClusters have in common: each lists the configured sources of one kind.

type Kind = SourceResource["kind"];

export type KnownSource = SourceResource & SourceFacts;

export const namesOf: Compared<SourceResource> = ({ name, arn }) => [name, arn];
export const engineOf: Compared<SourceResource> = ({ engine }) => [engine];
export const resourceIdOf: Compared<SourceResource> = (source) => [resourceId(source)];
/** No source here has such a property, so no value of the filter matches. */
export const noValue: Compared<SourceResource> = () => [];

interface SourceList {
  readonly action: string;
  readonly kind: Kind;
  /** A name or an ARN, which must exist. */
  readonly identifier: string | undefined;
  readonly filterNames: FilterTable<Compared<SourceResource>>;
}

/** One page, in the order of the names. Throws `InvalidParameterValue`, and the fault for a source that does not exist. */
export async function listSources(
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

/** The ARN of the source with an identifier or ARN, or of all sources of that kind. */
export function databaseArn(call: Call, kind: Kind, identifier = "*"): string {
  const source = sourceNamed(call, kind, identifier);
  if (source !== undefined) return source.arn;
  const type = kind === "instance" ? "db" : "cluster";
  return identifier.startsWith("arn:")
    ? identifier
    : `arn:aws:rds:${call.region}:${call.account}:${type}:${identifier}`;
}

function only(options: ApiOptions, kind: Kind, identifier: string): SourceResource[] {
  const source = sourceNamed(options, kind, identifier);
  if (source !== undefined) return [source];
  throw sourceNotFound(options, kind, identifier);
}

/** By name or ARN, both case-insensitive. */
function sourceNamed({ sources }: ApiOptions, kind: Kind, identifier: string): SourceResource | undefined {
  const wanted = identifier.toLowerCase();
  return sources.find(
    (candidate) =>
      candidate.kind === kind && namesOf(candidate).some((value) => value.toLowerCase() === wanted),
  );
}

/** Unknown while an integration reports that the source cannot be reached: AWS has no status for that. */
export function statusOf({ errorCodes }: SourceFacts): string | undefined {
  return errorCodes.includes("SOURCE_UNREACHABLE") ? undefined : "available";
}

const resourceIdAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const resourceIdLength = 26;

/** In AWS's form; stable as long as the ARN is. */
export function resourceId({ kind, arn }: SourceResource): string {
  const digest = createHash("sha256").update(arn).digest().subarray(0, resourceIdLength);
  const characters = [...digest].map((byte) => resourceIdAlphabet.charAt(byte & 31));
  return `${kind === "cluster" ? "cluster" : "db"}-${characters.join("")}`;
}
