import type { Session } from "../connection/session.ts";
import { missingSql, partsSql } from "./missing-value.ts";

/**
 * A table as the source's catalog describes it: only the properties that replication depends on, so that equal means
 * unchanged.
 */
export interface CatalogTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** `r`: ordinary, `p`: the root of partitions. */
  readonly kind: "r" | "p";
  /** `p`: permanent, `u`: unlogged. */
  readonly persistence: string;
  /** `d`: primary key, `i`: an index, `f`: the whole row, `n`: nothing. */
  readonly identity: "d" | "i" | "f" | "n";
  /** The file that contains the rows: another number after every rewrite of the table. 0 for partitioned tables. */
  readonly storage: number;
  /** Columns that the stream carries: neither dropped nor generated. By attnum. */
  readonly columns: readonly CatalogColumn[];
  /** Attnums of dropped columns. */
  readonly dropped: readonly number[];
  /** Attnums of generated columns. */
  readonly generated: readonly number[];
  /** Types that users can change while columns use them, by oid. */
  readonly types: readonly CatalogType[];
  /** The server would refuse updates if the table were published with whole old rows. */
  readonly needsKey: boolean;
  /** Whole old rows that are older than a column arrive without its default: for partitions, before PostgreSQL 15. */
  readonly omitsDefaults: boolean;
  /** Null if it is deferrable. */
  readonly primaryKey: CatalogIndex | null;
  /** A primary key that PostgreSQL does not accept as a replica identity. */
  readonly deferrableKey: CatalogIndex | null;
  /** The name of an index, other than the primary key, that could be the replica identity. */
  readonly uniqueIndex: string | null;
  /** For `identity` `i`. */
  readonly identityIndex: CatalogIndex | null;
  /** For a partitioned table: its leaves, by oid. */
  readonly partitions: readonly CatalogPartition[];
  /** For a partition: its ancestors. */
  readonly ancestors: readonly number[];
  /** Whether policies would hide rows from our user. */
  readonly hasRowSecurity: boolean;
  readonly isReadable: boolean;
  /** The statements that allow our user to read all rows; null if it may already. */
  readonly grant: string | null;
  /** Whether our user may add it to a publication. */
  readonly isOwned: boolean;
  /** Its membership in our publication. */
  readonly membership: CatalogMembership | null;
}

export interface CatalogMembership {
  readonly oid: number;
  /** The transaction that last changed what the publication publishes. */
  readonly publishedBy: number;
  readonly isRestricted: boolean;
}

/** An enum or a composite that a column consists of. */
export interface CatalogType {
  readonly oid: number;
  readonly isEnum: boolean;
  /**
   * Labels or fields, in the order of their creation: changing one changes the contents of rows without a change of
   * rows.
   */
  readonly parts: readonly string[];
}

export interface CatalogColumn {
  /** attnum. */
  readonly id: number;
  readonly name: string;
  readonly typeOid: number;
  /** atttypmod. */
  readonly modifier: number;
  /** The field of rows that are older than the column, as `missingSql` has it. */
  readonly missing: string | null;
  /** The transaction that last changed the column's definition. */
  readonly xid: number;
}

export interface CatalogIndex {
  readonly oid: number;
  /** Attnums in the order of the index. */
  readonly columns: readonly number[];
}

export interface CatalogPartition {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly storage: number;
  /** The transaction that made it a partition. */
  readonly attachedBy: number;
  /** Created as a partition, and not rewritten since, so that all changes of its rows came through the stream. */
  readonly isBornAttached: boolean;
  /** See `withEmptyPartitions`; absent if not requested. */
  readonly isEmpty?: boolean;
  /** Sends at least the root's primary key when a row is deleted or its key changes. */
  readonly sendsKey: boolean;
  /** Sends the whole old row. */
  readonly sendsRow: boolean;
  readonly isLogged: boolean;
  readonly isForeign: boolean;
  readonly isReadable: boolean;
}

/** Which tables to read: all that could be replicated, or some of them. */
export interface CatalogRequest {
  readonly publication: string;
  readonly oids?: readonly number[];
}

export type CatalogTables = ReadonlyMap<number, CatalogTable>;

/** The source's tables by oid, as this session currently sees them. */
export async function readTables(session: Session, request: CatalogRequest): Promise<CatalogTables> {
  const texts = await readTableTexts(session, request);
  return parseTables(texts);
}

/** The same tables as texts, which are equal if nothing has changed. */
export async function readTableTexts(session: Session, request: CatalogRequest): Promise<readonly string[]> {
  const { publication, oids } = request;
  const rows =
    oids === undefined
      ? await session.rows<{ tables: string }>(allTablesSql, [publication], { name: "zeroetl_all_tables" })
      : await session.rows<{ tables: string }>(someTablesSql, [publication, oids], {
          name: "zeroetl_some_tables",
        });
  return rows.map((row) => row.tables);
}

function parseTables(texts: readonly string[]): CatalogTables {
  return new Map(texts.map(parseTable).map((table) => [table.oid, table]));
}

export function parseTable(text: string): CatalogTable {
  return JSON.parse(text) as CatalogTable;
}

// A partition whose DETACH … CONCURRENTLY was started, and perhaps abandoned, is already detached.
const belowSql = `
      WITH RECURSIVE below(oid) AS (
        SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = c.oid AND NOT i.inhdetachpending
        UNION ALL
        SELECT i.inhrelid FROM pg_inherits i JOIN below ON i.inhparent = below.oid
        WHERE NOT i.inhdetachpending
      )
      SELECT oid FROM below`;

// The root of partitions has no rows that could lack a value: its leaves have the missing value, all those older than
// the column, and all the same one. OFFSET keeps the planner from reading all of pg_attribute for each root.
const missingInLeavesSql = `CASE WHEN c.relkind = 'p' THEN (
      SELECT min(m.missing)
      FROM (${belowSql}
      ) AS t
      CROSS JOIN LATERAL (
        SELECT ${missingSql("m")} AS missing FROM pg_attribute m
        WHERE m.attrelid = t.oid AND m.attname = a.attname AND m.atthasmissing
        OFFSET 0
      ) AS m
    ) END`;

// Written as text: json_build_object takes twice as long, and this is most of the cost of reading the catalog.
const columnSql = `format('{"id":%s,"name":%s,"typeOid":%s,"modifier":%s,"missing":%s,"xid":%s}',
      a.attnum, to_json(a.attname::text), a.atttypid, a.atttypmod,
      coalesce(to_json(coalesce(${missingSql("a")}, ${missingInLeavesSql}))::text, 'null'), a.xmin)`;

const isCarried = "NOT a.attisdropped AND a.attgenerated = ''";

/** All required attributes of a table, in one pass over pg_attribute. */
const attributesSql = `
  SELECT
    string_agg(${columnSql}, ',' ORDER BY a.attnum) FILTER (WHERE ${isCarried}) AS columns,
    string_agg(a.attnum::text, ',' ORDER BY a.attnum) FILTER (WHERE a.attisdropped) AS dropped,
    string_agg(a.attnum::text, ',' ORDER BY a.attnum) FILTER (WHERE a.attgenerated <> '' AND NOT a.attisdropped)
      AS generated,
    coalesce(bool_or(a.atttypid >= 16384), false) AS "hasTypes"
  FROM pg_attribute a
  WHERE a.attrelid = c.oid AND a.attnum > 0`;

// Types with smaller oids are PostgreSQL's own.
const userTypesSql = `SELECT a.atttypid FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= 16384`;

const typesSql = `CASE WHEN attributes."hasTypes" THEN coalesce((
    ${partsSql(userTypesSql, "next.oid >= 16384")}
    SELECT json_agg(json_build_object(
      'oid', t.oid::bigint,
      'isEnum', t.typtype = 'e',
      'parts', coalesce(CASE t.typtype
        WHEN 'e' THEN (SELECT json_agg(e.enumlabel ORDER BY e.oid) FROM pg_enum e WHERE e.enumtypid = t.oid)
        ELSE (
          SELECT json_agg(concat_ws(' ', f.attnum, f.atttypid, f.atttypmod, f.attname) ORDER BY f.attnum)
          FROM pg_attribute f WHERE f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped
        )
      END, '[]'::json)
    ) ORDER BY t.oid)
    FROM part JOIN pg_type t ON t.oid = part.oid
    WHERE t.typtype IN ('e', 'c')
  ), '[]'::json) ELSE '[]'::json END`;

function indexSql(condition: string): string {
  return `min(format('{"oid":%s,"columns":[%s]}', i.indexrelid,
      array_to_string((i.indkey::int2[])[0:i.indnkeyatts - 1], ','))) FILTER (WHERE ${condition})::json`;
}

/** All required indexes of a table, in one pass over them. */
const indexesSql = `
  SELECT
    ${indexSql("i.indisprimary AND i.indimmediate")} AS "primaryKey",
    ${indexSql("i.indisprimary AND NOT i.indimmediate")} AS "deferrableKey",
    ${indexSql("i.indisreplident")} AS "identityIndex",
    -- What REPLICA IDENTITY USING INDEX takes, but for columns that PostgreSQL does not send.
    min((SELECT ic.relname::text FROM pg_class ic WHERE ic.oid = i.indexrelid)) FILTER (
      WHERE i.indisunique AND i.indimmediate AND NOT i.indisprimary AND i.indpred IS NULL AND NOT EXISTS (
        SELECT FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) AS k(attnum)
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum AND k.attnum > 0
        WHERE a.attnum IS NULL OR NOT a.attnotnull OR a.attgenerated <> ''
      )
    ) AS "uniqueIndex"
  FROM pg_index i
  WHERE i.indrelid = c.oid AND i.indisvalid`;

// Attaching a table rewrites its columns' entries (they are now inherited); a table that was created as a partition
// still has its first column from the command that created its system columns. Its first file has the table's own
// number: a partition that was truncated on its own has another one.
// pg_partition_tree would wait for locks.
const partitionsSql = `coalesce((
    SELECT json_agg(json_build_object(
      'oid', l.oid::bigint,
      'schema', ln.nspname,
      'name', l.relname,
      'storage', l.relfilenode::bigint,
      'attachedBy', h.xmin::text::bigint,
      'isBornAttached', h.xmin = s.xmin AND f.xmin = s.xmin AND f.cmin = s.cmin AND l.relfilenode = l.oid,
      'sendsKey', l.relreplident IN ('d', 'f') OR EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = l.oid AND i.indisreplident AND i.indisprimary
      ),
      'sendsRow', l.relreplident = 'f',
      'isLogged', l.relkind = 'r' AND l.relpersistence = 'p',
      'isForeign', l.relkind = 'f',
      'isReadable', ${readableSql("l")} AND NOT row_security_active(l.oid)
    ) ORDER BY l.oid)
    FROM (${belowSql}
    ) AS t
    CROSS JOIN LATERAL (SELECT * FROM pg_class l WHERE l.oid = t.oid AND l.relkind <> 'p' OFFSET 0) AS l
    JOIN pg_namespace ln ON ln.oid = l.relnamespace
    CROSS JOIN LATERAL (SELECT h.xmin FROM pg_inherits h WHERE h.inhrelid = l.oid OFFSET 0) AS h
    CROSS JOIN LATERAL (${attributeSql(-1)}) AS s
    CROSS JOIN LATERAL (${attributeSql(1)}) AS f
  ), '[]'::json)`;

function attributeSql(number: number): string {
  return `SELECT a.xmin, a.cmin FROM pg_attribute a WHERE a.attrelid = l.oid AND a.attnum = ${number} OFFSET 0`;
}

/** The privilege to read some columns is not enough to lock a table, or to read its pages. */
function readableSql(table: string): string {
  // NULL: the table was dropped while the catalog was being read.
  return `coalesce(has_table_privilege(${table}.oid, 'SELECT')
      AND has_schema_privilege(${table}.relnamespace, 'USAGE'), true)`;
}

const grantSql = `nullif(concat_ws(' ',
    CASE WHEN NOT has_schema_privilege(c.relnamespace, 'USAGE')
      THEN format('GRANT USAGE ON SCHEMA %I TO %I;', n.nspname, current_user) END,
    CASE WHEN NOT has_table_privilege(c.oid, 'SELECT')
      THEN format('GRANT SELECT ON TABLE %I.%I TO %I;', n.nspname, c.relname, current_user) END,
    CASE WHEN row_security_active(c.oid) THEN format('ALTER ROLE %I BYPASSRLS;', current_user) END
  ), '')`;

// Column lists and row filters of a publication were added in PostgreSQL 15: as json, a missing column is NULL.
const tablesSql = `
SELECT json_build_object(
  'oid', c.oid::bigint,
  'schema', n.nspname,
  'name', c.relname,
  'kind', c.relkind,
  'persistence', c.relpersistence,
  'identity', c.relreplident,
  'storage', c.relfilenode::bigint,
  'columns', concat('[', attributes.columns, ']')::json,
  'dropped', concat('[', attributes.dropped, ']')::json,
  'generated', concat('[', attributes.generated, ']')::json,
  'types', ${typesSql},
  'needsKey', current_setting('server_version_num')::int >= 180000
    AND attributes.generated IS NOT NULL,
  'omitsDefaults', c.relkind = 'p' AND current_setting('server_version_num')::int < 150000,
  'primaryKey', indexes."primaryKey",
  'deferrableKey', indexes."deferrableKey",
  'uniqueIndex', CASE WHEN c.relkind = 'r' THEN indexes."uniqueIndex" END,
  'identityIndex', indexes."identityIndex",
  'partitions', CASE WHEN c.relkind = 'p' THEN ${partitionsSql} ELSE '[]'::json END,
  'ancestors', coalesce((
    SELECT json_agg(a.relid::oid::bigint) FROM pg_partition_ancestors(c.oid) AS a
    WHERE c.relispartition AND a.relid <> c.oid
  ), '[]'::json),
  'hasRowSecurity', coalesce(row_security_active(c.oid), false),
  'isReadable', ${readableSql("c")},
  'grant', ${grantSql},
  'isOwned', pg_has_role(c.relowner, 'USAGE'),
  'membership', (
    SELECT json_build_object('oid', m.oid::bigint, 'publishedBy', p.xmin::text::bigint, 'isRestricted',
      to_jsonb(m) ->> 'prqual' IS NOT NULL OR to_jsonb(m) ->> 'prattrs' IS NOT NULL)
    FROM pg_publication_rel m JOIN pg_publication p ON p.oid = m.prpubid
    WHERE p.pubname = $1 AND m.prrelid = c.oid
  )
)::text AS tables
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (${attributesSql}
) AS attributes
CROSS JOIN LATERAL (${indexesSql}
) AS indexes
WHERE c.relkind IN ('r', 'p') AND c.relpersistence IN ('p', 'u')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

/** Changes whenever a table is created, renamed or dropped, or its number of columns changes. */
export const tablesMarkSql = `
SELECT count(*) || ' ' || coalesce(sum(hashtextextended(c.oid || ' ' || c.xmin, 0)), 0) AS mark
FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND c.relpersistence IN ('p', 'u')`;

const allTablesSql = `${tablesSql} ORDER BY c.oid`;
const someTablesSql = `${tablesSql} AND c.oid = ANY ($2::oid[]) ORDER BY c.oid`;
