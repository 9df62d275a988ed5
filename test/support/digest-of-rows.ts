import { RowDigests, type TableDigest } from "../../src/model/replication/digest.ts";
import type { Relation } from "../../src/model/replication/relation.ts";
import { Fields } from "../../src/model/replication/tuple.ts";
import { Vector, vectorRowsMax } from "../../src/model/replication/vector.ts";
import { canonicalText, digestField } from "./canonical-text.ts";
import { plainTuple, runOf, type Cell } from "./plain-tuples.ts";

/** The digest of rows as they were given to a target: what the target must say of what it holds. */
export function digestOfRows(relation: Relation, rows: readonly (readonly Cell[])[]): TableDigest {
  const digests = new RowDigests();
  const count = relation.columns.length;
  const fields = new Fields(count);
  const vectors = relation.columns.map(({ type }) => new Vector(type));
  for (const row of rows) {
    const { region, offsets } = runOf(relation, [row]);
    plainTuple.locate({ region, offsets, first: 0, count: 1 }, count, fields);
    for (const [index, column] of relation.columns.entries()) {
      const vector = vectors[index];
      if (vector !== undefined) column.decode(fields, { first: index * vectorRowsMax, count: 1 }, vector);
    }
    digests.add(vectors.map((vector) => digestField(vector.type.kind, canonicalText(vector, 0))));
  }
  return digests.result();
}
