import { AwsError } from "../../wire/aws/error.ts";
import type { ListQuery } from "./marker.ts";
import type { FilterInput } from "./shape-parts.ts";

/** The meaning of a filter's values, by the filter's name. */
export type FilterTable<Meaning> = Readonly<Record<string, Meaning>>;

export interface Filter<Meaning> {
  readonly meaning: Meaning;
  /** At least one. */
  readonly values: readonly string[];
}

/**
 * Pairs each filter with the table's entry for its name. Throws `InvalidParameterValue` for a name that is not in it.
 */
export function parseFilters<Meaning>(
  table: FilterTable<Meaning>,
  filters: readonly FilterInput[] = [],
): Filter<Meaning>[] {
  return filters.map(({ Name, Values = [] }) => {
    const meaning = Object.hasOwn(table, Name) ? table[Name] : undefined;
    if (meaning === undefined)
      throw new AwsError("InvalidParameterValue", `Unrecognized filter name: ${Name.slice(0, 255)}`);
    if (Values.length === 0)
      throw new AwsError("InvalidParameterValue", `The filter ${Name} must have at least one value.`);
    return { meaning, values: Values };
  });
}

/**
 * The item's values that a filter with this name compares: the item passes when one of the filter's values is among
 * them.
 */
export type Compared<Item> = (item: Item) => readonly string[];

/** The items that pass all filters. Names and values of filters are case-sensitive, as the API reference says. */
export function filtered<Item>(
  items: readonly Item[],
  table: FilterTable<Compared<Item>>,
  filters: readonly FilterInput[] | undefined,
): Item[] {
  const parsed = parseFilters(table, filters).map(({ meaning, values }) => ({
    meaning,
    wanted: new Set(values),
  }));
  return items.filter((item) =>
    parsed.every(({ meaning, wanted }) => meaning(item).some((value) => wanted.has(value))),
  );
}

/** The filters' part of the query of a list request. */
export function filterQuery(filters: readonly FilterInput[] = []): ListQuery {
  return filters.flatMap(({ Name, Values }) => [Name, Values]);
}
