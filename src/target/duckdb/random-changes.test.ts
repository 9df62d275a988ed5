import { expect, test } from "vitest";
import type { Delta } from "../../model/replication/delta.ts";
import type { Progress } from "../../model/replication/table-state.ts";
import { impossible, plainRelation } from "../../../test/support/plain-tuples.ts";
import { printedSeed } from "../../../test/support/random.ts";
import { Changes } from "../../../test/support/target-changes.ts";
import { expected, seen } from "../../../test/support/target-contents.ts";
import type { TargetModel } from "../../../test/support/target-model.ts";
import {
  deltaOf,
  eventStep,
  never,
  rowsStep,
  shopRequest,
  TestWarehouse,
} from "../../../test/support/test-warehouse.ts";
import type { TargetEngine } from "../target.ts";
import { DuckDb } from "./instance/duck-db.ts";
import { duckdb } from "./engine.ts";
import { DuckDbWarehouse } from "./warehouse.ts";

test("random rows and events in any order end as they do in the simplest model, and so after a crash", async () => {
  const seed = printedSeed();
  for (let round = 0; round < 12; round++)
    await run(new Changes(seed + round), round % 2 === 0 ? duckdb : withManyLargeRows);
}, 600_000);

/** Some rows of the changes are large, and many tables get large ones among small ones. */
const withManyLargeRows: TargetEngine = {
  ...duckdb,
  open: (request, signal) => {
    const rowSizes = { largeBytes: 40, groupBytes: 100, groupRows: 8, rowBytesMax: 10_000 };
    const start = (path: string) => DuckDb.open(path, { rowSizes });
    return DuckDbWarehouse.open({ ...request, start }, signal);
  },
};

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
  const relation = plainRelation({ id: "broken", columns: { i: { kind: "int64" } } });
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
