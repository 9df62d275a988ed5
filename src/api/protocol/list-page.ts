import { AwsError } from "../../wire/aws/error.ts";
import { readMarker, writeMarker, type ListQuery } from "./marker.ts";
import type { ApiOptions } from "../options.ts";

const records = { min: 20, max: 100, default: 100 } as const;

/** The parameters for paging. */
export interface PageInput {
  readonly MaxRecords?: number | undefined;
  readonly Marker?: string | undefined;
}

/** The maximum number of records on a page. Throws `InvalidParameterValue`. */
export function pageLimit({ MaxRecords }: PageInput): number {
  return within("MaxRecords", MaxRecords, records);
}

/** The value of a bounded parameter. Throws `InvalidParameterValue`. */
export function within(
  name: string,
  value: number | undefined,
  { min, max, default: standard }: { readonly min: number; readonly max: number; readonly default: number },
): number {
  if (value === undefined) return standard;
  if (value < min || value > max)
    throw new AwsError(
      "InvalidParameterValue",
      `Invalid value ${value} for ${name}. Must be between ${min} and ${max}`,
    );
  return value;
}

/** The place of the last record of the previous page, undefined for the first page. Throws `InvalidParameterValue`. */
export function pageStart(
  { catalog }: ApiOptions,
  { Marker }: PageInput,
  query: ListQuery,
): string | undefined {
  return Marker === undefined ? undefined : readMarker(catalog.markerKey, Marker, query);
}

/** The `Marker` of a page that is followed by another; undefined for the last one. */
export function pageEnd(
  { catalog }: ApiOptions,
  place: string | undefined,
  query: ListQuery,
): string | undefined {
  return place === undefined ? undefined : writeMarker(catalog.markerKey, place, query);
}

/** A list that is available as a whole. */
export interface WholeList<Item> {
  /** The requested items, filtered. */
  readonly items: readonly Item[];
  /** Unique and immutable: it defines the order of the list. A page begins after the last place of the previous one. */
  readonly placeOf: (item: Item) => string;
  readonly query: ListQuery;
}

export interface ListPage<Item> {
  readonly items: readonly Item[];
  readonly Marker: string | undefined;
}

/** One page of a whole list. Throws `InvalidParameterValue`. */
export function pageOf<Item>(options: ApiOptions, input: PageInput, list: WholeList<Item>): ListPage<Item> {
  const { items: page, next } = nextOf(options, { limit: pageLimit(input), marker: input.Marker }, list);
  return { items: page, Marker: next };
}

export interface PageRequest {
  readonly limit: number;
  /** The `next` of the previous page. */
  readonly marker: string | undefined;
}

/** Like `pageOf`, regardless of a protocol's parameter names. */
export function nextOf<Item>(
  options: ApiOptions,
  { limit, marker }: PageRequest,
  { items, placeOf, query }: WholeList<Item>,
): { readonly items: readonly Item[]; readonly next: string | undefined } {
  const start = pageStart(options, { Marker: marker }, query);
  const rest = items
    .map((item) => ({ item, place: placeOf(item) }))
    .filter(({ place }) => start === undefined || place > start)
    .toSorted((a, b) => (a.place < b.place ? -1 : 1));
  const page = rest.slice(0, limit);
  const last = rest.length > limit ? page.at(-1)?.place : undefined;
  return { items: page.map(({ item }) => item), next: pageEnd(options, last, query) };
}
