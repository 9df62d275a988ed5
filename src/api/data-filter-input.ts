import { CodedError } from "../base/errors.ts";
import { parseDataFilter } from "../model/data-filter.ts";
import { AwsError } from "../wire/aws-error.ts";

const mysqlFamily: readonly string[] = ["mysql", "mariadb", "aurora-mysql"];

/**
 * The data filter to store, in the words of the client: what is asked for, checked. The MySQL family has a default;
 * for PostgreSQL at least one include is compulsory. Throws `InvalidParameterValue`.
 */
export function checkDataFilter(engine: string, filter: string | undefined): string {
  const isMysql = mysqlFamily.includes(engine);
  const text = filter ?? (isMysql ? "include: *.*" : undefined);
  if (text === undefined)
    throw new AwsError(
      "InvalidParameterValue",
      "Your data filter must contain at least one include statement",
    );
  try {
    parseDataFilter(text, isMysql ? "mysql" : "postgres");
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw new AwsError("InvalidParameterValue", error.message, { cause: error });
  }
  return text;
}
