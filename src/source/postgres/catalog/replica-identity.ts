import type { TableFailureReason } from "../../../model/replication/block.ts";
import type { ReplicaIdentity } from "../../../model/replication/relation.ts";
import type { CatalogIndex, CatalogPartition, CatalogTable } from "./catalog-table.ts";
import { quoteIdentifier, quoteLiteral, quotedNameOf } from "../names.ts";

export interface CatalogIdentity {
  readonly identity: ReplicaIdentity;
  /** Oid of its index, 0 for whole rows. */
  readonly index: number;
}

/**
 * The columns that identify a row of the table; undefined if its changes do not include them. PostgreSQL writes the old
 * row of a change according to the replica identity of the table that stores the row: for a partitioned table, those of
 * its partitions.
 */
export function identityOf(table: CatalogTable): CatalogIdentity | undefined {
  if (isWholeRowRefused(table)) return undefined;
  if (table.kind === "p") return identityOfPartitions(table);
  switch (table.identity) {
    case "d":
      return byKey(table, table.primaryKey);
    case "i":
      return byKey(table, table.identityIndex);
    case "f":
      // Whole old rows include the key too, and a key finds a row faster than all of its values do.
      return byKey(table, table.primaryKey) ?? wholeRow;
    case "n":
      return undefined;
  }
}

const wholeRow: CatalogIdentity = { identity: { kind: "row" }, index: 0 };

function identityOfPartitions(table: CatalogTable): CatalogIdentity | undefined {
  const { partitions, identity } = table;
  if (lacksDefaults(table)) return undefined;
  const key = byKey(table, table.primaryKey);
  if (key !== undefined) return partitions.every((leaf) => leaf.sendsKey) ? key : undefined;
  const isWhole = partitions.length > 0 ? partitions.every((leaf) => leaf.sendsRow) : identity === "f";
  return isWhole ? wholeRow : undefined;
}

/** Undefined if there is no such index, or PostgreSQL does not send its columns. */
function byKey(table: CatalogTable, index: CatalogIndex | null): CatalogIdentity | undefined {
  const columns = index?.columns
    .map((id) => table.columns.findIndex((column) => column.id === id))
    .toSorted((a, b) => a - b);
  if (index === null || columns === undefined || columns.includes(-1)) return undefined;
  return { identity: { kind: "key", columns }, index: index.oid };
}

/** PostgreSQL 18 refuses updates of a published table that sends whole rows and has unpublished columns. */
function isWholeRowRefused(table: CatalogTable): boolean {
  if (!table.needsKey) return false;
  return table.kind === "p" ? table.partitions.some((leaf) => leaf.sendsRow) : table.identity === "f";
}

/** Whether whole old rows have NULL where the table has a default that its identity needs. */
function lacksDefaults(table: CatalogTable): boolean {
  if (!table.omitsDefaults || !table.partitions.some((leaf) => leaf.sendsRow)) return false;
  const key = byKey(table, table.primaryKey)?.identity;
  const columns = key?.kind === "key" ? key.columns.map((index) => table.columns[index]) : table.columns;
  return columns.some((column) => column !== undefined && column.missing !== null);
}

/** Why the table has no identity, and the statement that adds one. Call it if `identityOf` is undefined. */
export function withoutIdentity(table: CatalogTable): TableFailureReason {
  const name = `${table.schema}.${table.name}`;
  const fix = table.kind === "p" ? partitionsFix(table) : tableFix(table);
  const message = table.kind === "p" ? partitionsCause(table, name) : tableCause(table, name);
  return { code: "TABLE_WITHOUT_KEY", message, ...(fix !== undefined && { fix }) };
}

const unknownRows = "so PostgreSQL does not say which rows updates and deletes change";

function tableCause(table: CatalogTable, name: string): string {
  const { identity, primaryKey, identityIndex, deferrableKey } = table;
  if (isWholeRowRefused(table)) return wholeRowRefused(name);
  if (identity === "n") return `Table ${name} has REPLICA IDENTITY NOTHING, ${unknownRows}.`;
  if (identity === "i" && identityIndex === null)
    return `The index that was the replica identity of table ${name} was dropped, ${unknownRows}.`;
  if (identity === "i" || primaryKey !== null)
    return `The replica identity of table ${name} has a generated column, whose values PostgreSQL does not send.`;
  if (deferrableKey !== null)
    return `The primary key of table ${name} is deferrable, which PostgreSQL does not use as replica identity.`;
  return `Table ${name} has no primary key, ${unknownRows}.`;
}

function wholeRowRefused(name: string): string {
  return `Table ${name} has a generated column and REPLICA IDENTITY FULL, which PostgreSQL 18 refuses to publish together.`;
}

/** The statement with the smallest change. */
function tableFix(table: CatalogTable): string {
  const alter = `ALTER TABLE ${quotedNameOf(table)}`;
  if (byKey(table, table.primaryKey) !== undefined) return `${alter} REPLICA IDENTITY DEFAULT;`;
  if (table.uniqueIndex !== null)
    return `${alter} REPLICA IDENTITY USING INDEX ${quoteIdentifier(table.uniqueIndex)};`;
  return table.needsKey ? newKey(table) : `${alter} REPLICA IDENTITY FULL;`;
}

/** The statement that adds a key without knowledge of the table's rows. */
export function newKey(table: CatalogTable): string {
  const alter = `ALTER TABLE ${quotedNameOf(table)}`;
  const column = "ADD COLUMN zeroetl_key bigint GENERATED ALWAYS AS IDENTITY";
  if (table.primaryKey === null && table.deferrableKey === null)
    return `${alter} ${column} PRIMARY KEY, REPLICA IDENTITY DEFAULT;`;
  const index = quoteIdentifier(`zeroetl_key_${table.oid}`);
  return `${alter} ${column} CONSTRAINT ${index} UNIQUE; ${alter} REPLICA IDENTITY USING INDEX ${index};`;
}

function partitionsCause(table: CatalogTable, name: string): string {
  if (isWholeRowRefused(table)) return wholeRowRefused(name);
  if (lacksDefaults(table))
    return `A column with a default was added to partitioned table ${name}, and before version 15 PostgreSQL leaves the default out of whole old rows.`;
  const key = byKey(table, table.primaryKey);
  if (key !== undefined)
    return `A partition of table ${name} has a replica identity without the table's primary key, ${unknownRows}.`;
  return `Partitioned table ${name} has no primary key that PostgreSQL sends, and not all of its partitions have REPLICA IDENTITY FULL, ${unknownRows}; partitions that are created later need it, too.`;
}

function partitionsFix(table: CatalogTable): string | undefined {
  // Afterwards every row has its own value.
  if (lacksDefaults(table)) return `VACUUM FULL ${quotedNameOf(table)};`;
  if (byKey(table, table.primaryKey) !== undefined) {
    const isAtFault = (leaf: CatalogPartition): boolean => (table.needsKey ? leaf.sendsRow : !leaf.sendsKey);
    return alterPartitions(table, table.partitions.filter(isAtFault), "DEFAULT");
  }
  // Only its owner knows which columns form a key of a partitioned table.
  if (table.needsKey) return undefined;
  if (table.partitions.length === 0) return `ALTER TABLE ${quotedNameOf(table)} REPLICA IDENTITY FULL;`;
  const lacking = table.partitions.filter((leaf) => !leaf.sendsRow);
  return alterPartitions(table, lacking, "FULL");
}

function alterPartitions(
  table: CatalogTable,
  leaves: readonly CatalogPartition[],
  identity: "DEFAULT" | "FULL",
): string {
  const [leaf] = leaves;
  if (leaf !== undefined && leaves.length === 1)
    return `ALTER TABLE ${quotedNameOf(leaf)} REPLICA IDENTITY ${identity};`;
  const root = quoteLiteral(quotedNameOf(table));
  return [
    "DO $zeroetl$ DECLARE leaf regclass; BEGIN",
    `FOR leaf IN SELECT relid FROM pg_partition_tree(${root.trim()}) WHERE isleaf LOOP`,
    `EXECUTE format('ALTER TABLE %s REPLICA IDENTITY ${identity}', leaf); END LOOP; END $zeroetl$;`,
  ].join(" ");
}
