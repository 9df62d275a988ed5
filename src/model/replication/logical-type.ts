/**
 * The type of a column's values, independent of source and target. A source engine maps its types to these, and a
 * target engine maps these to its own. A value that no logical type can hold exactly is `text` in the source's own
 * notation.
 */
export type LogicalType =
  | { readonly kind: "boolean" }
  | { readonly kind: "int16" }
  | { readonly kind: "int32" }
  | { readonly kind: "int64" }
  | { readonly kind: "uint32" }
  | { readonly kind: "float32" }
  | { readonly kind: "float64" }
  /** 1 ≤ precision ≤ 38, 0 ≤ scale ≤ precision. */
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number }
  | { readonly kind: "text" }
  /** JSON text exactly as the source sent it. */
  | { readonly kind: "json" }
  | { readonly kind: "bytes" }
  | { readonly kind: "uuid" }
  | { readonly kind: "date" }
  | { readonly kind: "time" }
  | { readonly kind: "timetz" }
  | { readonly kind: "timestamp" }
  | { readonly kind: "timestamptz" }
  | { readonly kind: "interval" };

export type LogicalKind = LogicalType["kind"];

export function sameType(a: LogicalType, b: LogicalType): boolean {
  if (a.kind === "decimal" && b.kind === "decimal") return a.precision === b.precision && a.scale === b.scale;
  return a.kind === b.kind;
}
