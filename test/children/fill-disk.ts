// Applies inserts to a warehouse until the disk is full, says so, and goes on when a line comes in: `directory rows`.
// Says what each part came to. With `pause` as third argument it waits now and then for the checkpoint of an idle
// database, so that it is this that finds the disk full.
import { hash } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { duckdb } from "../../src/target/duckdb/engine.ts";
import { plainRelation } from "../support/plain-tuples.ts";
import { copySteps, deltaOf, never, rowsOf, rowsStep, shopRequest } from "../support/test-warehouse.ts";

const [directory = "", rowsText = "", pause] = process.argv.slice(2);
const rows = Number(rowsText);
const table = plainRelation({
  id: "1",
  name: "t",
  columns: { id: { kind: "int64" }, v: { kind: "text" } },
  key: ["id"],
});
const text = (id: number): string => hash("sha512", String(id), "base64");
const rowsFrom = (first: number) =>
  Array.from({ length: rows }, (_, index) => [first + index, text(first + index)]);
const say = (what: string): boolean => process.stdout.write(`${what}\n`);

await using warehouse = await duckdb.open({ directory, settings: {} }, never);
const open = () => warehouse.database(shopRequest, never);
let next = 0;
{
  await using database = await open();
  await database.apply(deltaOf(copySteps(table, []), "0"), never);
  try {
    for (; next < 5_000_000; next += rows) {
      await database.apply(
        deltaOf([rowsStep(table, { inserts: rowsFrom(next) })], String(next + rows)),
        never,
      );
      if (pause !== undefined && next % (4 * rows) === 3 * rows) await sleep(7_000);
    }
  } catch (error) {
    say(`stopped ${String((error as { code?: unknown }).code)}`);
  }
}
await once(process.stdin, "data");
{
  await using database = await open();
  say(`position ${database.progress().checkpoint ?? "none"} of ${next}`);
  next = Number(database.progress().checkpoint);
  await database.apply(deltaOf([rowsStep(table, { inserts: rowsFrom(next) })], String(next + rows)), never);
  const [[count, different] = []] = await rowsOf(
    warehouse,
    "SELECT count(*), count(DISTINCT id) FROM shop.public.t",
  );
  say(`rows ${count} ${different} of ${next + rows}`);
}
process.stdin.destroy();
