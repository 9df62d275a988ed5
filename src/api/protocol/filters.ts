import { AwsError } from "../../wire/aws/error.ts";
import type { ListQuery } from "./marker.ts";
import type { FilterInput } from "./shape-parts.ts";

/** By the name of a filter, what its values mean. */
export type FilterTable<Meaning> = Readonly<Record<string, Meaning>>;

export interface Filter<Meaning> {
  readonly meaning: Meaning;
  /** At least one. */
  readonly values: readonly string[];
}

/** Each filter with what the table says of its name. Throws `InvalidParameterValue` for a name that is not in it. */
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

/** What an item has that a filter of this name compares: it passes when one of the filter's values is among them. */
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

/** The filters' part of what a list request asked for. */
export function filterQuery(filters: readonly FilterInput[] = []): ListQuery {
  return filters.flatMap(({ Name, Values }) => [Name, Values]);
}
