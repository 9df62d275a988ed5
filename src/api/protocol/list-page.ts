import { AwsError } from "../../wire/aws/error.ts";
import { readMarker, writeMarker, type ListQuery } from "./marker.ts";
import type { ApiOptions } from "../options.ts";

const records = { min: 20, max: 100, default: 100 } as const;

/** The parameters by which clients turn pages. */
export interface PageInput {
  readonly MaxRecords?: number | undefined;
  readonly Marker?: string | undefined;
}

/** How many records a page may have. Throws `InvalidParameterValue`. */
export function pageLimit({ MaxRecords }: PageInput): number {
  return within("MaxRecords", MaxRecords, records);
}

/** The value of a parameter that has bounds. Throws `InvalidParameterValue`. */
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

/** The place of the last record of the page before, undefined for the first page. Throws `InvalidParameterValue`. */
export function pageStart(
  { catalog }: ApiOptions,
  { Marker }: PageInput,
  query: ListQuery,
): string | undefined {
  return Marker === undefined ? undefined : readMarker(catalog.markerKey, Marker, query);
}

/** The `Marker` of a page after which there are more; undefined for the last one. */
export function pageEnd(
  { catalog }: ApiOptions,
  place: string | undefined,
  query: ListQuery,
): string | undefined {
  return place === undefined ? undefined : writeMarker(catalog.markerKey, place, query);
}

/** A list that is at hand as a whole. */
export interface WholeList<Item> {
  /** What was asked for, filtered. */
  readonly items: readonly Item[];
  /** Unique and unchanging: the order of the list, in which a page begins behind the last place of the one before. */
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
  /** The `next` of the page before. */
  readonly marker: string | undefined;
}

/** As `pageOf`, whatever a protocol calls the parameters. */
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
