// Applies random changes to a warehouse, from where it stands, until it is killed: `directory seed`. Says each position
// that it has committed, and what stopped it.
import { duckdb } from "../../src/target/duckdb/engine.ts";
import { applyNext } from "../support/endless-changes.ts";
import { Changes } from "../support/target-changes.ts";
import { never, shopRequest } from "../support/test-warehouse.ts";

const [directory = "", seed = ""] = process.argv.slice(2);
try {
  await using warehouse = await duckdb.open({ directory, settings: {} }, never);
  await using database = await warehouse.database(shopRequest, never);
  const changes = new Changes(Number(seed));
  const done = Number(database.progress().checkpoint ?? 0);
  for (let number = 1; ; number++) {
    const deltas = applyNext(changes, number);
    if (number <= done) continue;
    for (const delta of deltas) await database.apply(delta, never);
    process.stdout.write(`${number}\n`);
  }
} catch (error) {
  process.stdout.write(`failed ${String((error as { code?: unknown }).code)}\n`);
}
