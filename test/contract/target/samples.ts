import { present } from "../../../src/base/assert.ts";
import { CodedError } from "../../../src/base/errors.ts";
import type { DeltaStep } from "../../../src/model/replication/delta.ts";
import type { Relation } from "../../../src/model/replication/relation.ts";
import { plainRelation, type Cell } from "../../support/plain-tuples.ts";
import { shown } from "../../support/target-contents.ts";
import { copySteps, deltaOf, never, TestWarehouse } from "../../support/test-warehouse.ts";
import type { TargetEngine } from "../../../src/target/target.ts";

export const int = { kind: "int64" } as const;
export const text = { kind: "text" } as const;

export const documents = plainRelation({
  id: "1",
  name: "documents",
  columns: { id: int, body: text, views: int },
  key: ["id"],
});

/** The key of a row of `documents`. */
export function documentKey(id: number): Cell[] {
  return [id, null, null];
}

/** Rows as `shown` returns them. */
export function asShown(...rows: readonly (readonly (string | null)[])[]): string[] {
  return rows.map((row) => JSON.stringify(row)).toSorted();
}

/** What readers see of `documents`, or of another table. */
export function contents(
  target: TestWarehouse,
  relation: Relation = documents,
): Promise<readonly string[] | undefined> {
  return shown(target.warehouse, relation.name);
}

/** A warehouse whose database `shop` has the table `documents` with these rows. */
export async function filled(engine: TargetEngine, ...rows: readonly Cell[][]): Promise<TestWarehouse> {
  const target = await TestWarehouse.open(engine);
  await using database = await target.database();
  await database.apply(deltaOf(copySteps(documents, rows), "1"), never);
  return target;
}

export interface CopyParts {
  readonly started: DeltaStep;
  readonly rows: DeltaStep;
  readonly finished: DeltaStep;
  readonly revealed: DeltaStep;
}

/** The steps of a table's copy by name. */
export function copyParts(relation: Relation, rows: readonly Cell[][]): CopyParts {
  const steps = copySteps(relation, rows);
  const step = (index: number): DeltaStep => present(steps[index], "a copy has four steps");
  return { started: step(0), rows: step(1), finished: step(2), revealed: step(3) };
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new CodedError("TARGET_FAILED", "The call was expected to fail, but it succeeded.");
}
