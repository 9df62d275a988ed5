import { expect, test } from "vitest";
import type { Delta } from "../../../src/model/replication/delta.ts";
import type { Progress } from "../../../src/model/replication/table-state.ts";
import type { TargetEngine } from "../../../src/target/target.ts";
import { impossible, plainRelation } from "../../support/plain-tuples.ts";
import { printedSeed } from "../../support/random.ts";
import { Changes } from "../../support/target-changes.ts";
import { expected, seen } from "../../support/target-contents.ts";
import type { TargetModel } from "../../support/target-model.ts";
import {
  deltaOf,
  eventStep,
  never,
  rowsStep,
  shopRequest,
  TestWarehouse,
} from "../../support/test-warehouse.ts";
import { int } from "./samples.ts";

const rounds = 6;

/** Any rows and events against the model of a target. */
export function randomContract(engine: TargetEngine): void {
  test("random rows and events in any order end as they do in the simplest model, and so after a crash", async () => {
    const seed = printedSeed();
    for (let round = 0; round < rounds; round++) await run(new Changes(seed + round), engine);
  }, 600_000);
}

async function run(changes: Changes, engine: TargetEngine): Promise<void> {
  await using target = await TestWarehouse.open(engine);
  let database = await target.database();
  let committed = changes.model.clone();
  for (let batch = 0; batch < 30; batch++) {
    const steps = Array.from({ length: 1 + changes.below(7) }, () => changes.step());
    const commits = changes.below(3) > 0;
    await database.apply(deltaOf(steps, commits ? String(batch) : undefined), never);
    if (commits) committed = changes.model.clone();
    if (changes.below(8) === 0) {
      await expect(database.apply(impossibleDelta(), never)).rejects.toThrow("a value is impossible");
      changes.model = committed.clone();
    }
    if (!commits) continue;
    expect(await seen(target.warehouse)).toEqual(expected(committed));
    expect(statesOf(database.progress())).toEqual(modelStates(committed));
    if (batch % 5 === 4) await expectAfterCrash(target, committed, database.progress());
    if (batch % 11 !== 10) continue;
    await database[Symbol.asyncDispose]();
    if (changes.below(2) === 0) await target.reopen();
    database = await target.database();
  }
}

function impossibleDelta(): Delta {
  const relation = plainRelation({ id: "broken", columns: { i: int } });
  const rows = rowsStep(relation, { inserts: [[1], [impossible]] });
  return deltaOf([eventStep({ kind: "copy-started", relation }), rows], "never");
}

async function expectAfterCrash(
  target: TestWarehouse,
  model: TargetModel,
  progress: Progress,
): Promise<void> {
  await target.afterCrash(async (warehouse) => {
    expect(await seen(warehouse)).toEqual(expected(model));
    await using database = await warehouse.database(shopRequest, never);
    expect(database.progress()).toEqual(progress);
  });
}

function statesOf({ tables }: Progress): string[] {
  return tables
    .map(({ definition, phase, visible }) => `${definition.id} ${phase.kind} ${visible}`)
    .toSorted();
}

function modelStates(model: TargetModel): string[] {
  return [...model.tables.values()]
    .map(({ id, phase, shown }) => `${id} ${phase} ${shown !== undefined}`)
    .toSorted();
}
