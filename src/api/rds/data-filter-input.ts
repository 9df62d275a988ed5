import { CodedError } from "../../base/errors.ts";
import { parseDataFilter } from "../../model/data-filter.ts";
import type { FilterRules } from "../../model/engine-kinds.ts";
import { AwsError } from "../../wire/aws/error.ts";

/** The data filter to store: the client's, validated, or the default. Throws `InvalidParameterValue`. */
export function checkDataFilter(
  { defaultFilter, filterDialect }: FilterRules,
  filter: string | undefined,
): string {
  const text = filter ?? defaultFilter;
  if (text === undefined)
    throw new AwsError(
      "InvalidParameterValue",
      "Your data filter must contain at least one include statement",
    );
  try {
    parseDataFilter(text, filterDialect);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw new AwsError("InvalidParameterValue", error.message, { cause: error });
  }
  return text;
}
