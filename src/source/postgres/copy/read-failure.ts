import { messageOf } from "../../../base/errors.ts";
import type { TableFailureReason } from "../../../model/replication/block.ts";
import type { CatalogTable } from "../catalog/catalog-table.ts";
import { nameOf } from "../catalog/shape.ts";
import { sqlStateOf } from "../connection/source-error.ts";

/** lock_not_available, deadlock_detected, undefined_table, undefined_column, undefined_object. */
const alteredStates = new Set(["55P03", "40P01", "42P01", "42703", "42704"]);

/**
 * The meaning of an error for the table that was read: it is being altered, or the reason why it cannot be read.
 * Undefined if the error concerns the source.
 */
export function readFailure(error: unknown, table: CatalogTable): TableFailureReason | "altered" | undefined {
  const state = sqlStateOf(error);
  if (state === undefined) return undefined;
  if (alteredStates.has(state)) return "altered";
  const name = nameOf(table);
  if (state === "42501") {
    const message = `The user of the source's url may not read table ${name}: ${messageOf(error)}.`;
    return { code: "TABLE_PRIVILEGE", message };
  }
  // Data exceptions, limits, I/O errors and corruption: reading this table again would fail in the same way.
  if (["22", "54", "58", "XX"].includes(state.slice(0, 2))) {
    const message = `The source cannot read table ${name} (SQLSTATE ${state}).`;
    return { code: "TABLE_UNREADABLE", message };
  }
  return undefined;
}
