import { CodedError } from "../../base/errors.ts";
import { parseDataFilter } from "../../model/data-filter.ts";
import { engineKinds, type EngineName } from "../../model/engine-kinds.ts";
import { AwsError } from "../../wire/aws/error.ts";

/** The data filter to store: the client's, validated, or the engine's default. Throws `InvalidParameterValue`. */
export function checkDataFilter(engine: EngineName, filter: string | undefined): string {
  const { defaultFilter, filterDialect } = engineKinds[engine];
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
