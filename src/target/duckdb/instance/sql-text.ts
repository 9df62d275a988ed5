import type { TableName } from "../../../model/replication/relation.ts";

/** Quotes any name as an identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** `"database"."schema"."table"`. */
export function qualified(database: string, name: TableName): string {
  return `${quoted(database)}.${quoted(name.schema)}.${quoted(name.table)}`;
}

/** Names that DuckDB treats as equal have the same folded form. */
export function folded(name: string): string {
  return name.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
