import type { CatalogTable, CatalogTables } from "../catalog/catalog-table.ts";
import type { Session } from "../connection/session.ts";
import { unlessLocked } from "./unless-locked.ts";

/**
 * Marks attached partitions whose files are empty: everything that was attached with them has been deleted since,
 * through the stream. A size cannot be read without a lock, so a partition that stays locked counts as filled.
 */
export async function withEmptyPartitions(session: Session, tables: CatalogTables): Promise<CatalogTables> {
  const oids = [...tables.values()].flatMap(({ partitions }) =>
    partitions.filter(({ isBornAttached }) => !isBornAttached).map(({ oid }) => oid),
  );
  if (oids.length === 0) return tables;
  const empty = new Set(await readEmpty(session, oids));
  const marked = ({ partitions, ...table }: CatalogTable): CatalogTable => ({
    ...table,
    partitions: partitions.map((partition) => ({ ...partition, isEmpty: empty.has(partition.oid) })),
  });
  return new Map([...tables].map(([oid, table]) => [oid, marked(table)]));
}

async function readEmpty(session: Session, oids: readonly number[]): Promise<readonly number[]> {
  const rows = await unlessLocked(session, () =>
    session.rows<{ oid: string }>(
      "SELECT oid::text FROM unnest($1::oid[]) AS oid WHERE pg_relation_size(oid) = 0",
      [oids],
    ),
  );
  return rows?.map(({ oid }) => Number(oid)) ?? [];
}
