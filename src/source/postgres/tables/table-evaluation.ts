import type { BlockBuilder } from "../stream/block-builder.ts";
import type { CatalogTable } from "../catalog/catalog-table.ts";
import type { CatalogView } from "./catalog-watch.ts";
import { memoOf, shapeOf, type ShapeMemo, type ShapeResult } from "../catalog/shape.ts";
import type { StreamTables } from "./stream-tables.ts";
import type { TrackedTable } from "./tracked-table.ts";

/**
 * Applies the result of a catalog check to tables that accept no changes: new ones, ones that failed and may have been
 * repaired, ones that wait for their copy. None of this depends on the position of the stream.
 */
export function evaluate(
  tables: StreamTables,
  { selected, context }: CatalogView,
  block: BlockBuilder,
): void {
  for (const table of tables.byOid.values()) {
    if (isIdle(table) && !selected.has(table.oid)) tables.drop(table, block);
  }
  for (const found of selected.values()) {
    const table = tables.byOid.get(found.oid);
    if (table !== undefined && !isIdle(table)) continue;
    const result = shapeOf(found, context);
    if (table === undefined) evaluateNew(tables, { found, result }, block);
    else evaluateIdle(tables, { table, found, result }, block);
  }
}

/** Accepts no changes. */
function isIdle({ phase }: TrackedTable): boolean {
  return phase.kind === "wanted" || phase.kind === "failed";
}

interface Found {
  readonly found: CatalogTable;
  readonly result: ShapeResult;
}

function evaluateNew(tables: StreamTables, { found, result }: Found, block: BlockBuilder): void {
  if (result.kind === "shape") tables.add(result.shape);
  else tables.addFailed(found, result.reason, block);
}

function evaluateIdle(
  tables: StreamTables,
  { table, found, result }: Found & { readonly table: TrackedTable },
  block: BlockBuilder,
): void {
  if (table.phase.kind === "wanted") {
    if (result.kind === "failed") tables.fail(table, result.reason, block);
    // The target must know before it stores a position after changes that the copy would contain.
    else if (table.isKnown && !table.isAnnounced) tables.want(table, result.shape, block);
  }
  if (
    table.phase.kind === "failed" &&
    result.kind === "shape" &&
    isMended(table, found, table.phase.reason.code)
  ) {
    table.isAnnounced = false;
    table.enter({ kind: "wanted" });
  }
}

/** Failures whose cause the catalog shows: they end when the table can be replicated. */
const shownByCatalog = new Set([
  "TABLE_WITHOUT_KEY",
  "TABLE_UNSUPPORTED",
  "TABLE_UNSUPPORTED_TYPE",
  "TABLE_PRIVILEGE",
  "TABLE_ROW_SECURITY",
  "TABLE_MISSING",
]);

function isMended(table: TrackedTable, found: CatalogTable, code: string): boolean {
  if (shownByCatalog.has(code)) return true;
  // The user who removed it from the publication adds it again.
  if (code === "TABLE_NOT_PUBLISHED") return found.membership !== null;
  // Values that the target refused, or rows that could not be read: a retry makes sense only for a changed table.
  return table.memo === undefined || unpublished(memoOf(found, 0)) !== unpublished(table.memo);
}

/** A memo without the parts that a table has only in the publication, and loses when it fails. */
function unpublished(memo: ShapeMemo): string {
  return JSON.stringify({ ...memo, key: 0, membership: 0, publishedBy: 0 });
}
