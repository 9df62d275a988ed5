export interface NameRequest {
  readonly sourceDatabase: string;
  readonly integrationName: string;
  /** Names in use at the warehouse, and those promised to other streams. */
  readonly taken: readonly string[];
}

// What SQL engines keep for themselves; a database of such a name could not be told from theirs.
const reserved = ["dev", "system", "temp", "memory", "main", "information_schema", "pg_catalog"];

/**
 * The destination database of a new stream: named after the source database, else `<integration>_<source database>`,
 * else that with the first free number from 2 on. Names that differ only in case count as one.
 */
export function destinationName({ sourceDatabase, integrationName, taken }: NameRequest): string {
  const used = new Set([...reserved, ...taken].map((name) => name.toLowerCase()));
  const isFree = (name: string): boolean => !used.has(name.toLowerCase());
  if (isFree(sourceDatabase)) return sourceDatabase;
  const combined = `${integrationName}_${sourceDatabase}`;
  if (isFree(combined)) return combined;
  let number = 2;
  while (!isFree(`${combined}_${number}`)) number += 1;
  return `${combined}_${number}`;
}
