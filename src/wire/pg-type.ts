import { present } from "../base/assert.ts";
import type { LogicalType } from "../model/logical-type.ts";
import type { DecodeColumn } from "../model/relation.ts";
import { decodeBytes, decodeMoney } from "./pg-decode.ts";
import { decodeDecimal } from "./pg-decimal.ts";
import { digestAsOutput, digestAsText, digestMoney, type Digest } from "./pg-digest.ts";
import { scalars } from "./pg-scalar.ts";
import type { PgType, PgTypes } from "./pg-type-query.ts";

/** How one column is read, from COPY BINARY and from pgoutput alike. */
export interface ColumnCodec {
  readonly type: LogicalType;
  /** As the source writes the type, such as `numeric(12,2)`. */
  readonly sourceType: string;
  readonly decode: DecodeColumn;
  /** The type has no binary form: the stream sends text by itself, COPY must select `select(column)`. */
  readonly inText: boolean;
  /** What a binary COPY selects for the column: itself, or its text. Takes the quoted name. */
  readonly select: (quotedColumn: string) => string;
  /** A PostgreSQL expression for the column's canonical text (see pg-digest.ts). Takes the quoted name. */
  readonly digest: Digest;
}

/** A column that cannot be replicated, with a sentence that says why. */
export interface UnsupportedColumn {
  readonly unsupported: string;
}

export interface PgColumnType {
  readonly oid: number;
  /** `atttypmod`; −1 for none. */
  readonly modifier: number;
}

export interface PgSession {
  /** Decimals of money, as `moneyScaleSql` finds it. */
  readonly moneyScale: number;
}

/** `types` must hold the column's type and all that it is made of (see `pgTypesSql`). */
export function codecFor(
  types: PgTypes,
  column: PgColumnType,
  session: PgSession,
): ColumnCodec | UnsupportedColumn {
  const named = present(types.get(column.oid), "the type of a column has been read");
  const sourceType = sourceTypeOf(named, column.modifier);
  const { type, modifier } = withoutDomains(types, column);
  if (!named.hasBinary)
    return { ...inTextForm, sourceType, inText: true, select: digestAsOutput, digest: digestAsOutput };
  const form = formOf(type, modifier, session);
  if (form === undefined)
    return { unsupported: `the binary form of type ${sourceType} is not known to zeroetl` };
  return { ...form, sourceType, inText: false, select: (quotedColumn) => quotedColumn };
}

type Form = Pick<ColumnCodec, "type" | "decode" | "digest">;

const inTextForm = { type: { kind: "text" }, decode: decodeBytes } as const;

/** What a type is once its domains are taken off; the innermost modifier holds. */
function withoutDomains(types: PgTypes, column: PgColumnType): { type: PgType; modifier: number } {
  let { modifier } = column;
  let type = present(types.get(column.oid), "the type of a column has been read");
  while (type.kind === "domain") {
    modifier = type.baseModifier;
    type = present(types.get(type.baseOid), "the type below a domain has been read");
  }
  return { type, modifier };
}

function formOf(type: PgType, modifier: number, session: PgSession): Form | undefined {
  if (type.kind === "enum") return { ...inTextForm, digest: digestAsText };
  if (type.schema !== "pg_catalog") return undefined;
  if (type.name === "numeric") return numericForm(modifier);
  if (type.name === "money")
    return {
      type: { kind: "decimal", precision: 19, scale: session.moneyScale },
      decode: decodeMoney,
      digest: digestMoney,
    };
  return scalars[type.name];
}

function numericForm(modifier: number): Form | undefined {
  const shape = numericShape(modifier);
  if (shape === undefined) return undefined;
  const { precision, scale } = shape;
  return {
    type: { kind: "decimal", precision, scale },
    decode: decodeDecimal(precision, scale),
    digest: digestAsText,
  };
}

/**
 * The decimal that holds every value of numeric(p,s). PostgreSQL 15 allows scales from −1000 to 1000: digits left of
 * a negative scale are zeros, and a scale beyond the precision leaves zeros behind the point.
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

function sourceTypeOf(type: PgType, modifier: number): string {
  return modifier < 0 ? type.formatted : `${type.formatted}(${modifier})`;
}
