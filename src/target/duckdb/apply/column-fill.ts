import type { DuckDBValue } from "@duckdb/node-api";
import { isDeepStrictEqual } from "node:util";
import { present } from "../../../base/assert.ts";
import { duckType, sqlType } from "../../../columnar/duck-type.ts";
import { FeedStatement } from "../../../columnar/feed-statement.ts";
import { FieldFeed } from "../../../columnar/field-feed.ts";
import type { ColumnChange } from "../../../model/replication/column-change.ts";
import type { Column, Relation } from "../../../model/replication/relation.ts";
import { literal } from "../instance/sql-text.ts";
import type { Fill } from "../tables/physical-tables.ts";
import type { WriterTools } from "./rows-writer.ts";

type FillTools = Pick<WriterTools, "session" | "feeds" | "feedTools">;

/**
 * The fills of added columns, by the ids of the columns. A fill is processed like a value in a row: its column decodes
 * it, and a feed delivers it. Throws `TableError` for a value that the column cannot hold.
 */
export async function readFills(
  tools: FillTools,
  relation: Relation,
  changes: readonly ColumnChange[],
): Promise<ReadonlyMap<number, Fill>> {
  const fills = new Map<number, Fill>();
  for (const change of changes) {
    if (change.kind !== "added" || change.fill === null) continue;
    const { column, fill } = change;
    fills.set(column.id, await readFill(tools, relation, { column, fill }));
  }
  return fills;
}

interface FillOf {
  readonly column: Column;
  /** The bytes of a field, as in `ColumnChange`. */
  readonly fill: Uint8Array;
}

async function readFill(tools: FillTools, relation: Relation, { column, fill }: FillOf): Promise<Fill> {
  const name = `zeroetl_fill_${column.id}`;
  const value = `getvariable('${name}')`;
  await setVariable(tools, relation, { name, column, fill });
  const text = `TRY_CAST(${value} AS VARCHAR)`;
  const [row] = await tools.session.rows(
    `SELECT ${value} AS value, ${text} AS text, TRY_CAST(${text} AS ${sqlType(column.type)}) AS read`,
  );
  const { value: wanted, text: printed, read } = present(row, "a query without a table has one row");
  // The text of a statement ends at a zero byte.
  if (typeof printed !== "string" || printed.includes("\0") || !isSame(wanted, read))
    return { value, isLiteral: false };
  await tools.session.run(`RESET VARIABLE ${name}`);
  return { value: literal(printed), isLiteral: true };
}

/** NaN never counts as the same, since different NaNs have the same text; nor -0, which a default would not store. */
function isSame(a: DuckDBValue | undefined, b: DuckDBValue | undefined): boolean {
  return !Number.isNaN(a) && !Object.is(a, -0) && isDeepStrictEqual(a, b);
}

/** Sets a variable of the session, which keeps the value until a column with the same id is filled. */
async function setVariable(
  { session, feeds, feedTools }: FillTools,
  relation: Relation,
  { name, column, fill }: FillOf & { readonly name: string },
): Promise<void> {
  using feed = new FieldFeed(feedTools, { relation, column }, fill);
  const sql = (from: string): string => `SET VARIABLE ${name} = (SELECT f0 FROM ${from})`;
  const statement = new FeedStatement({ session, feeds }, [duckType(column.type)], sql);
  try {
    await statement.run((chunk) => feed.fill(chunk));
  } finally {
    statement.close();
  }
}
