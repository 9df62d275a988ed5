import { folded } from "../instance/sql-text.ts";

/** The user's own database, which no stream fills. */
export const ownDatabase = "dev";

/** Where zeroetl keeps its own tables in each destination database, and the tables with the rows that views show. */
export const ledgerSchema = "_zeroetl";

const databases = new Set([
  ownDatabase,
  "system",
  "temp",
  "memory",
  "main",
  "information_schema",
  "pg_catalog",
]);

/**
 * Whether DuckDB or zeroetl itself needs the name of a database. Views name tables of `ledgerSchema` without their
 * database, so no database may have its name; names that begin with it are reserved as well.
 */
export function isReserved(database: string): boolean {
  return databases.has(folded(database)) || folded(database).startsWith(ledgerSchema);
}
