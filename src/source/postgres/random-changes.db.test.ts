import { test } from "vitest";
import { Dice } from "../../../test/support/dice.ts";
import { TestPostgres } from "../../../test/support/postgres.ts";
import { RandomChanges } from "../../../test/support/random-changes.ts";
import { printedSeed } from "../../../test/support/random.ts";

test("whatever is done to tables and rows, and wherever the stream stops, the target ends up equal", async () => {
  const dice = new Dice(printedSeed());
  // Transactions of some hundred rows are sent before their commit.
  const settings = { logical_decoding_work_mem: "64kB" };
  await using server = await TestPostgres.start({ version: dice.pick([14, 18]), settings });
  await using changes = await RandomChanges.begin(server, dice);
  await changes.replicate();
});
