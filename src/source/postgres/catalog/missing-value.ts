/**
 * SQL of the value that rows have in a column of `attribute` (an alias of pg_attribute) which was added after them: the
 * field, in hexadecimal, as the stream sends it to us. NULL if they have NULL, or have been rewritten since.
 */
export function missingSql(attribute: string): string {
  const value = `${attribute}.attmissingval`;
  const field = `CASE WHEN ${isSentInBinarySql(`${attribute}.atttypid`)}
    THEN substr(array_send(${value}), ${arrayHeaderBytes + 1}) ELSE textsend(array_to_string(${value}, '')) END`;
  return `CASE WHEN ${attribute}.atthasmissing THEN encode(${field}, 'hex') END`;
}

// attmissingval is an array of one element. array_send writes five int4 (dimensions, flags, type, length, lower bound)
// and the length of the element before the element itself.
const arrayHeaderBytes = 24;

/**
 * Whether array_send can send a value of the type: it throws an error if a type that the value consists of has no send
 * function. (Such a type is sent as text where it is the column's own; inside other values it is not replicated.) The
 * first condition settles base types, enums, and arrays of them, because the second one takes 100 times as long.
 */
function isSentInBinarySql(type: string): string {
  return `(
    EXISTS (
      SELECT FROM pg_type t LEFT JOIN pg_type e ON e.oid = t.typelem
      WHERE t.oid = ${type} AND t.typtype IN ('b', 'e') AND t.typsend <> 0
        AND (e.oid IS NULL OR e.typtype IN ('b', 'e') AND e.typsend <> 0 AND e.typelem = 0)
    ) OR NOT EXISTS (
      ${partsSql(`SELECT ${type}`, "next.oid <> 0")}
      SELECT FROM part JOIN pg_type t ON t.oid = part.oid WHERE t.typsend = 0
    ))`;
}

/**
 * A WITH clause that defines `part(oid)`: the types that `first` selects and, recursively, those that they consist of,
 * as far as `condition` on `next.oid` holds.
 */
export function partsSql(first: string, condition: string): string {
  return `WITH RECURSIVE part(oid) AS (
      ${first}
      UNION
      SELECT next.oid
      FROM part
      JOIN pg_type t ON t.oid = part.oid
      CROSS JOIN LATERAL (
        SELECT t.typelem
        UNION ALL
        SELECT t.typbasetype
        UNION ALL
        SELECT r.rngsubtype FROM pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
        UNION ALL
        SELECT f.atttypid FROM pg_attribute f
        WHERE t.typtype = 'c' AND f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped
      ) AS next(oid)
      WHERE ${condition}
    )`;
}
