import { tagsMax } from "../../catalog/integrations/tags.ts";
import type { Tag } from "../../model/integration.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { TagInput } from "../protocol/shape-parts.ts";

const alphabet = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const reserved = /^(aws|rds):/i;

/** Tags as the catalog accepts them; a missing value becomes an empty one. Throws `InvalidParameterValue`. */
export function parseTags(tags: readonly TagInput[]): Tag[] {
  if (tags.length > tagsMax) throw tooManyTags();
  const keys = tags.map(({ Key }) => Key);
  if (new Set(keys).size < keys.length) throw invalid("The same tag key is given twice.");
  return tags.map(({ Key: key, Value: value = "" }) => {
    if (!alphabet.test(key) || !alphabet.test(value))
      throw invalid(
        "Tag values may only contain unicode letters, digits, whitespace, or one of these symbols: _ . : / = + - @",
      );
    refuseReserved("keys", key);
    refuseReserved("values", value);
    return { key, value };
  });
}

function refuseReserved(what: "keys" | "values", text: string): void {
  const prefix = reserved.exec(text)?.[0].toLowerCase();
  if (prefix !== undefined) throw invalid(`Tag ${what} cannot start with the reserved prefix "${prefix}"`);
}

export function tagsOutput(tags: readonly Tag[]): TagInput[] {
  return tags.map(({ key, value }) => ({ Key: key, Value: value }));
}

export function tooManyTags(): AwsError {
  return invalid(`A resource can have at most ${tagsMax} tags.`);
}

function invalid(message: string): AwsError {
  return new AwsError("InvalidParameterValue", message);
}
