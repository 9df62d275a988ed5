import type { TestPostgres } from "../test/support/postgres.ts";
import { shapes, type Shape } from "./shapes.ts";

/** The table `bench`, vacuumed and on disk. */
export async function makeBenchTable(
  server: TestPostgres,
  rows: number,
  shape: Shape = shapes.medium,
): Promise<void> {
  await server.run([
    createBenchTable(shape),
    `INSERT INTO bench SELECT ${shape.columns.map(({ value }) => value).join(", ")} FROM generate_series(1, ${rows}) AS i`,
    "VACUUM (ANALYZE, FREEZE) bench",
    "CHECKPOINT",
  ]);
}

/** As SQL. */
export function createBenchTable({ columns }: Shape = shapes.medium): string {
  return `CREATE TABLE bench (${columns.map(({ definition }) => definition).join(", ")})`;
}

export interface ChangeMix {
  readonly transactions: number;
  /** Rows of the table before: keys 1 … rows. */
  readonly rows: number;
}

/** Changes of one transaction: 8 inserts, 9 updates, 3 deletes. */
export const changesPerTransaction = 20;

/**
 * Writes the mix on scattered keys of the medium shape, in one server-side loop that commits each transaction. Deleted keys are never
 * met again: updates take odd keys, deletes even ones, each once.
 */
export async function writeChanges(server: TestPostgres, { transactions, rows }: ChangeMix): Promise<void> {
  await server.run([
    `CREATE OR REPLACE PROCEDURE write_changes(transactions bigint, rows bigint) LANGUAGE plpgsql AS $$
     DECLARE half bigint := rows / 2; next bigint := rows;
     BEGIN
       FOR t IN 0 .. transactions - 1 LOOP
         INSERT INTO bench SELECT next + i, i, md5((next + i)::text), 1.25, now(), true, 0.5, '{"k": 1}'
           FROM generate_series(1, 8) AS i;
         next := next + 8;
         UPDATE bench SET a = a + 1, d = now()
           WHERE id IN (SELECT 1 + 2 * ((t::bigint * 9 + i) * 7919 % half) FROM generate_series(1, 9) AS i);
         DELETE FROM bench WHERE id IN (SELECT 2 + 2 * ((t * 3 + i) % half) FROM generate_series(0, 2) AS i);
         COMMIT;
       END LOOP;
     END $$`,
    // What is measured is reading the log, not writing it.
    "SET synchronous_commit = off",
    `CALL write_changes(${transactions}, ${rows})`,
  ]);
}
