import type { DecodeColumn } from "../../../model/replication/relation.ts";
import { Cursor } from "../cursor.ts";
import { TextWriter } from "./text-writer.ts";

/** Writes the value between `from.at` and `from.end` as text; must read all of it. */
export type Render = (from: Cursor, out: TextWriter) => void;

/** A column of values that become text (or json) by rendering. */
export function decodeRendered(render: Render): DecodeColumn {
  const cursor = new Cursor();
  const writer = new TextWriter();
  return (fields, { first, count }, out) => {
    // A value that failed in an earlier call may have left its beginning.
    writer.length = 0;
    for (let row = 0; row < count; row += 1) {
      const length = fields.lengths[first + row] as number;
      const start = writer.length;
      out.valid[row] = length < 0 ? 0 : 1;
      if (length >= 0) {
        cursor.open(fields.region, fields.starts[first + row] as number, length);
        render(cursor, writer);
        cursor.leave(cursor.end);
      }
      out.starts[row] = start;
      out.lengths[row] = writer.length - start;
    }
    out.arena = writer.take();
  };
}
