import { createHash } from "node:crypto";

/** The names of a stream's objects at its source. */
export interface StreamNames {
  readonly slot: string;
  /** The slot that retains the log for copies in progress. */
  readonly copySlot: string;
  readonly publication: string;
}

/**
 * One name for slot and publication: `zeroetl_<integration>_<hash of the database>`, 49 bytes of the 63 that PostgreSQL
 * allows; with `_copy` for the slot of copies. Slots belong to the whole server, so the name includes the database.
 */
export function namesOf(integrationId: string, database: string): StreamNames {
  const hash = createHash("sha256").update(database).digest("hex").slice(0, 8);
  const name = `zeroetl_${integrationId.replaceAll("-", "")}_${hash}`;
  return { slot: name, copySlot: `${name}_copy`, publication: name };
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string constant that has the same meaning under any `standard_conforming_strings`. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return text.includes("\\") ? ` E${quoted}` : quoted;
}

/** A relation of the catalog, as named in statements. */
export function quotedNameOf({ schema, name }: { schema: string; name: string }): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}
