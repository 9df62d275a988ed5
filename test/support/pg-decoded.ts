import type { Column } from "../../src/model/replication/relation.ts";
import { Fields, type TupleRun } from "../../src/model/replication/tuple.ts";
import { Vector, vectorRowsMax } from "../../src/model/replication/vector.ts";
import { canonicalText } from "./canonical-text.ts";

/** The rows of a run in canonical text, through `locate` and the columns' decoders. */
export function decodedRows(
  run: TupleRun,
  columns: readonly Pick<Column, "type" | "decode">[],
): (string | null)[][] {
  const rows: (string | null)[][] = [];
  const fields = new Fields(columns.length);
  const vectors = columns.map(({ type }) => new Vector(type));
  for (let first = 0; first < run.offsets.length; first += vectorRowsMax) {
    const count = Math.min(vectorRowsMax, run.offsets.length - first);
    run.layout.locate({ region: run.region, offsets: run.offsets, first, count }, columns.length, fields);
    for (const [index, column] of columns.entries()) {
      const vector = vectors[index] ?? new Vector(column.type);
      column.decode(fields, { first: index * vectorRowsMax, count }, vector);
    }
    for (let row = 0; row < count; row += 1) rows.push(vectors.map((vector) => canonicalText(vector, row)));
  }
  return rows;
}

/** The canonical text of a field that has a value. */
export function decodedField(
  region: Uint8Array,
  { type, decode }: Pick<Column, "type" | "decode">,
): string | null {
  const fields = new Fields(1);
  fields.region = region;
  fields.lengths[0] = region.length;
  const vector = new Vector(type);
  decode(fields, { first: 0, count: 1 }, vector);
  return canonicalText(vector, 0);
}
