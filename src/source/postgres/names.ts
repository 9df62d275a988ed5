import { createHash } from "node:crypto";

/** What a stream is called at its source. */
export interface StreamNames {
  readonly slot: string;
  readonly publication: string;
}

/**
 * One name for slot and publication: `zeroetl_<integration>_<hash of the database>`, 49 bytes of the 63 that PostgreSQL
 * allows. Slots belong to the whole server, so the database is part of the name.
 */
export function namesOf(integrationId: string, database: string): StreamNames {
  const hash = createHash("sha256").update(database).digest("hex").slice(0, 8);
  const name = `zeroetl_${integrationId.replaceAll("-", "")}_${hash}`;
  return { slot: name, publication: name };
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string constant that means the same under any `standard_conforming_strings`. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return text.includes("\\") ? ` E${quoted}` : quoted;
}

/** A relation of the catalog, as statements name it. */
export function quotedNameOf({ schema, name }: { schema: string; name: string }): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}
