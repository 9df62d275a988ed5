import { digestArray, digestArrayAs, digestJson, type Digest } from "./digest.ts";
import { scalarOf } from "./scalar.ts";
import { withoutDomains, type PgType, type PgTypes } from "./type-query.ts";

/*
 * to_json calls a type's cast to json, which an extension or a user can define at any time, whereas our decoders write
 * the value's text as a string. If such a type is part of a value, the digest writes the JSON itself.
 */

/** The canonical text of a column that is an array. */
export function digestOfArray(types: PgTypes, type: PgType): Digest {
  if (!hasCastInside(types, type)) return digestArray;
  return (column) => digestArrayAs(column, writer(types)(type, column));
}

/** The canonical text of a column that is a composite. */
export function digestOfComposite(types: PgTypes, type: PgType): Digest {
  if (!hasCastInside(types, type)) return digestJson;
  return (column) => writer(types)(type, column);
}

function typeOf(types: PgTypes, oid: number): PgType {
  return withoutDomains(types, { oid, modifier: -1 }).type;
}

/** Whether to_json would call a cast that our decoders do not know. */
function hasCastInside(types: PgTypes, type: PgType): boolean {
  if (type.elementOid !== 0) return hasCastInside(types, typeOf(types, type.elementOid));
  if (type.kind === "composite")
    return type.fields.some(({ oid }) => hasCastInside(types, typeOf(types, oid)));
  // The values of hstore are stored in the form that its cast produces.
  return type.hasJsonCast && scalarOf(type)?.digest !== digestJson;
}

/** Returns an SQL expression for the JSON of a value, without spaces, as to_json writes it; NULL for NULL. */
type WriteJson = (type: PgType, value: string) => string;

const dimensionsMost = 6;

function writer(types: PgTypes): WriteJson {
  let names = 0;
  const write: WriteJson = (type, value) => {
    if (!hasCastInside(types, type)) return digestJson(value);
    if (type.elementOid !== 0) return array(type, value);
    if (type.kind === "composite") return composite(type, value);
    return `CASE WHEN ${value} IS NOT NULL THEN ${digestJson(`pg_catalog.concat(${value})`)} END`;
  };
  const array: WriteJson = (type, value) => {
    const element = typeOf(types, type.elementOid);
    const cases = Array.from({ length: dimensionsMost }, (_, index) => {
      const count = index + 1;
      return `WHEN ${count} THEN ${elements({ element, value, count, subscripts: [] })}`;
    });
    return `CASE WHEN ${value} IS NULL THEN NULL ELSE CASE pg_catalog.array_ndims(${value}) ${cases.join(" ")} ELSE '[]' END END`;
  };
  const elements = ({ element, value, count, subscripts }: Elements): string => {
    const at = `i${names++}`;
    const inner = [...subscripts, at];
    const text =
      inner.length === count
        ? `coalesce(${write(element, `(${value})${inner.map((name) => `[${name}]`).join("")}`)}, 'null')`
        : elements({ element, value, count, subscripts: inner });
    return `(SELECT '[' || pg_catalog.string_agg(${text}, ',' ORDER BY ${at}) || ']' FROM pg_catalog.generate_subscripts(${value}, ${inner.length}) AS ${at})`;
  };
  const composite: WriteJson = (type, value) => {
    const fields = type.fields.map(({ name, oid }) => {
      const key = JSON.stringify(name).replaceAll("'", "''");
      const field = `(${value}).${identifier(name)}`;
      return `E'${key.replaceAll("\\", "\\\\")}:' || coalesce(${write(typeOf(types, oid), field)}, 'null')`;
    });
    // IS NULL would test the fields.
    return `CASE WHEN ${value} IS DISTINCT FROM NULL THEN '{' || ${fields.join(" || ',' || ")} || '}' END`;
  };
  return write;
}

interface Elements {
  readonly element: PgType;
  readonly value: string;
  readonly count: number;
  /** Names of the outer dimensions' subscripts. */
  readonly subscripts: readonly string[];
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
