import { present } from "../../../base/assert.ts";

/** A type as a source's catalog describes it. */
export interface PgType {
  readonly oid: number;
  readonly name: string;
  readonly schema: string;
  /** As `format_type` writes it without a modifier, such as `character varying`. */
  readonly formatted: string;
  /** The extension that the type belongs to, or null. */
  readonly extension: string | null;
  readonly kind: "base" | "composite" | "domain" | "enum" | "range" | "multirange" | "pseudo";
  /** `pg_type.typcategory`. */
  readonly category: string;
  /** The separator between the elements of an array of this type. */
  readonly delimiter: string;
  /** 0 if the type is not a true array. */
  readonly elementOid: number;
  /** For a domain: its base type, otherwise 0 and −1. */
  readonly baseOid: number;
  readonly baseModifier: number;
  /** For a range or multirange, otherwise 0. */
  readonly rangeSubtypeOid: number;
  /** For a composite: its attributes in order, without dropped ones; otherwise empty. */
  readonly fields: readonly PgTypeField[];
  /** Whether the type has a send function: without one, PostgreSQL sends text. */
  readonly hasBinary: boolean;
  /** Whether a cast function to json changes what `to_json` prints. */
  readonly hasJsonCast: boolean;
}

export interface PgTypeField {
  readonly name: string;
  readonly oid: number;
  readonly modifier: number;
}

export type PgTypes = ReadonlyMap<number, PgType>;

/**
 * Types and, recursively, all their component types. Parameter: an array of oids. One row per type, one column `type`
 * of json. PostgreSQL 14 to 18.
 */
export const pgTypesSql = `
WITH RECURSIVE part(oid) AS (
  SELECT unnest($1::oid[])
  UNION
  SELECT next.oid
  FROM part
  JOIN pg_catalog.pg_type t ON t.oid = part.oid
  CROSS JOIN LATERAL (
    SELECT t.typelem WHERE t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc
    UNION ALL
    SELECT t.typbasetype
    UNION ALL
    SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
    UNION ALL
    SELECT a.atttypid FROM pg_catalog.pg_attribute a
    WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS next(oid)
  WHERE next.oid <> 0
)
SELECT pg_catalog.json_build_object(
  'oid', t.oid::bigint,
  'name', t.typname,
  'schema', n.nspname,
  'formatted', pg_catalog.format_type(t.oid, NULL),
  'extension', (
    SELECT e.extname
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid AND d.objsubid = 0
      AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
  ),
  'kind', CASE t.typtype WHEN 'b' THEN 'base' WHEN 'c' THEN 'composite' WHEN 'd' THEN 'domain' WHEN 'e' THEN 'enum'
    WHEN 'r' THEN 'range' WHEN 'm' THEN 'multirange' ELSE 'pseudo' END,
  'category', t.typcategory,
  'delimiter', t.typdelim,
  'elementOid', CASE WHEN t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc
    THEN t.typelem::bigint ELSE 0 END,
  'baseOid', t.typbasetype::bigint,
  'baseModifier', t.typtypmod,
  'rangeSubtypeOid', coalesce((
    SELECT r.rngsubtype::bigint FROM pg_catalog.pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
  ), 0),
  'fields', coalesce((
    SELECT pg_catalog.json_agg(
      pg_catalog.json_build_object('name', a.attname, 'oid', a.atttypid::bigint, 'modifier', a.atttypmod)
      ORDER BY a.attnum
    )
    FROM pg_catalog.pg_attribute a
    WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ), '[]'::json),
  'hasBinary', t.typsend <> 0,
  'hasJsonCast', EXISTS (
    SELECT FROM pg_catalog.pg_cast c
    WHERE c.castsource = t.oid AND c.casttarget = 'pg_catalog.json'::regtype AND c.castmethod = 'f'
  )
) AS type
FROM part
JOIN pg_catalog.pg_type t ON t.oid = part.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace`;

/** A type after its domains are resolved; the innermost modifier applies. */
export function withoutDomains(
  types: PgTypes,
  column: { readonly oid: number; readonly modifier: number },
): { readonly type: PgType; readonly modifier: number } {
  let { modifier } = column;
  let type = present(types.get(column.oid), "the type of a column has been read");
  while (type.kind === "domain") {
    modifier = type.baseModifier;
    type = present(types.get(type.baseOid), "the type below a domain has been read");
  }
  return { type, modifier };
}

/** Parses the rows of `pgTypesSql`, whether the client parsed json or left it as text. */
export function pgTypesFrom(rows: readonly { readonly type: PgType | string }[]): PgTypes {
  const types = rows.map(({ type }) => (typeof type === "string" ? (JSON.parse(type) as PgType) : type));
  return new Map(types.map((type) => [type.oid, type]));
}

/**
 * How many decimals money has in this session (`lc_monetary`), as column `scale`. Needed once per connection, because
 * money is sent as a plain integer.
 */
export const moneyScaleSql = "SELECT pg_catalog.scale(0::money::numeric) AS scale";
