import { describe } from "vitest";
import type { TargetEngine } from "../../src/target/target.ts";
import { commitsContract } from "./target/commits.ts";
import { copiesContract } from "./target/copies.ts";
import { databasesContract } from "./target/databases.ts";
import { epochsContract } from "./target/epochs.ts";
import { eventsContract } from "./target/events.ts";
import { randomContract } from "./target/random.ts";
import { rowsContract } from "./target/rows.ts";
import { valuesContract } from "./target/values.ts";
import { viewsContract } from "./target/views.ts";

/**
 * What `src/target/target.ts` promises of every engine, as tests. An engine calls it in its `contract.test.ts`. It opens
 * warehouses in temporary directories, with the engine's default settings, and reads tables by
 * `SELECT * FROM "database"."schema"."table"`. A crash is simulated by opening a copy of the directory.
 */
export function targetContract(name: string, engine: TargetEngine): void {
  describe(`the contract of targets: ${name}`, () => {
    for (const part of [
      commitsContract,
      epochsContract,
      eventsContract,
      rowsContract,
      valuesContract,
      copiesContract,
      databasesContract,
      viewsContract,
      randomContract,
    ])
      part(engine);
  });
}
