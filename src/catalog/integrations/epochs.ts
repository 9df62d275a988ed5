import { sql } from "kysely";
import type { CatalogDatabase } from "../store/database.ts";

/**
 * Reserves `count` consecutive numbers, and returns the first. They are greater than all that were reserved before, and
 * not less than the time in ms since 1970.
 */
export async function reserveEpochs(
  db: CatalogDatabase,
  { count, now }: { readonly count: number; readonly now: Date },
): Promise<number> {
  const nowMs = now.getTime();
  // The value is the first number that is not reserved.
  const { rows } = await sql<{ readonly value: string }>`
    INSERT INTO zeroetl.settings AS known VALUES ('epoch', ${String(nowMs + count)})
    ON CONFLICT (key) DO UPDATE SET value = (greatest(known.value::bigint, ${nowMs}::bigint) + ${count}::bigint)::text
    RETURNING value
  `.execute(db);
  return Number(rows[0]?.value) - count;
}
