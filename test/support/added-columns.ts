import type { Sample } from "./pg-sample.ts";
import { samples } from "./pg-samples.ts";
import type { PostgresVersion } from "./postgres.ts";

/** A table of one row, and the statement that adds a column with a default for each value of a sample. */
export interface AddedColumns {
  readonly type: string;
  readonly table: string;
  readonly create: readonly string[];
  readonly alter: string;
  /** Whether PostgreSQL writes the table again, so that it is copied again. */
  readonly isRewritten: boolean;
}

/** Domains with a constraint. */
const rewritten = /^small(er)?$/;

export function addedColumns(version: PostgresVersion): AddedColumns[] {
  return samples.flatMap((sample, index) => {
    if (version < (sample.from ?? 14)) return [];
    const table = `sample_${index}`;
    return {
      type: sample.type,
      table,
      create: [`CREATE TABLE ${table} (id int PRIMARY KEY)`, `INSERT INTO ${table} VALUES (1)`],
      alter: `ALTER TABLE ${table} ${columnsOf(sample).join(", ")}`,
      isRewritten: rewritten.test(sample.type),
    };
  });
}

function columnsOf({ type, values }: Sample): string[] {
  return values.map((value, index) => `ADD c${index} ${type} DEFAULT (${value})::${type}`);
}
