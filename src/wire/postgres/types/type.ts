import { present } from "../../../base/assert.ts";
import type { LogicalType } from "../../../model/replication/logical-type.ts";
import type { DecodeColumn } from "../../../model/replication/relation.ts";
import { decodeBytes, decodeMoney } from "./decode.ts";
import { decodeDecimal } from "./decimal.ts";
import { digestAsOutput, digestAsText, digestMoney, type Digest } from "./digest.ts";
import { digestOfArray, digestOfComposite } from "./digest-nested.ts";
import { rendersFor } from "./nesting.ts";
import { arrayColumnJson } from "../render/nested.ts";
import { decodeRendered } from "../render/render.ts";
import { numericText, scalarOf } from "./scalar.ts";
import { formatType } from "./type-name.ts";
import { withoutDomains, type PgType, type PgTypes } from "./type-query.ts";

/** How one column is read, both from COPY BINARY and from pgoutput. */
export interface ColumnCodec {
  readonly type: LogicalType;
  /** As the source writes the type, such as `numeric(12,2)`. */
  readonly sourceType: string;
  readonly decode: DecodeColumn;
  /** The type has no binary form: the stream automatically sends text, COPY must select `select(column)`. */
  readonly inText: boolean;
  /** What a binary COPY selects for the column: itself, or its text. Takes the quoted name. */
  readonly select: (quotedColumn: string) => string;
  /** A PostgreSQL expression for the column's canonical text (see digest.ts). Takes the quoted name. */
  readonly digest: Digest;
}

/** A column that cannot be replicated, with a sentence that explains why. */
export interface UnsupportedColumn {
  readonly unsupported: string;
}

export interface PgColumnType {
  readonly oid: number;
  /** `atttypmod`; −1 for none. */
  readonly modifier: number;
}

export interface PgSession {
  /** Decimals of money, as returned by `moneyScaleSql`. */
  readonly moneyScale: number;
}

/** `types` must contain the column's type and all its component types (see `pgTypesSql`). */
export function codecFor(
  types: PgTypes,
  column: PgColumnType,
  session: PgSession,
): ColumnCodec | UnsupportedColumn {
  const sourceType = formatType(types, column);
  const named = present(types.get(column.oid), "the type of a column has been read");
  if (!named.hasBinary)
    return { ...plainText, sourceType, inText: true, select: digestAsOutput, digest: digestAsOutput };
  const form = formOf(types, withoutDomains(types, column), session);
  if ("unsupported" in form) return { unsupported: `${sourceType}: ${form.unsupported}` };
  return { ...form, sourceType, inText: false, select: (quotedColumn) => quotedColumn };
}

type Form = Pick<ColumnCodec, "type" | "decode" | "digest">;

const json = { type: { kind: "json" } } as const;
const plainText = { type: { kind: "text" }, decode: decodeBytes } as const;

interface Resolved {
  readonly type: PgType;
  readonly modifier: number;
}

function formOf(types: PgTypes, { type, modifier }: Resolved, session: PgSession): Form | UnsupportedColumn {
  if (type.kind === "enum") return { ...plainText, digest: digestAsText };
  if (type.schema === "pg_catalog" && type.name === "numeric") return numericForm(modifier);
  if (type.schema === "pg_catalog" && type.name === "money") return moneyForm(session);
  return scalarOf(type) ?? nestedForm(types, type);
}

/** Arrays and composites are JSON, ranges are text. */
function nestedForm(types: PgTypes, type: PgType): Form | UnsupportedColumn {
  if (type.elementOid !== 0) {
    const element = rendersFor(types, type.elementOid);
    if ("unsupported" in element) return element;
    const render = arrayColumnJson(element, element.delimiter);
    return { ...json, decode: decodeRendered(render), digest: digestOfArray(types, type) };
  }
  const renders = rendersFor(types, type.oid);
  if ("unsupported" in renders) return renders;
  return type.kind === "composite"
    ? { ...json, decode: decodeRendered(renders.json), digest: digestOfComposite(types, type) }
    : { type: { kind: "text" }, decode: decodeRendered(renders.text), digest: digestAsOutput };
}

function moneyForm({ moneyScale: scale }: PgSession): Form {
  return { type: { kind: "decimal", precision: 19, scale }, decode: decodeMoney, digest: digestMoney };
}

function numericForm(modifier: number): Form {
  const shape = numericShape(modifier);
  if (shape === undefined) return numericText;
  const { precision, scale } = shape;
  return {
    type: { kind: "decimal", precision, scale },
    decode: decodeDecimal(precision, scale),
    digest: digestAsText,
  };
}

/**
 * The decimal that can represent every value of numeric(p,s). PostgreSQL 15 allows scales from −1000 to 1000: digits
 * left of a negative scale are zeros, and a scale beyond the precision leaves zeros after the point.
 */
function numericShape(modifier: number): { precision: number; scale: number } | undefined {
  if (modifier < 4) return undefined;
  const precision = ((modifier - 4) >> 16) & 0xffff;
  const scale = (((modifier - 4) & 0x7ff) ^ 0x400) - 0x400;
  const shape = {
    precision: scale < 0 ? precision - scale : Math.max(precision, scale),
    scale: Math.max(scale, 0),
  };
  return shape.precision <= 38 ? shape : undefined;
}
