import { expect, test } from "vitest";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { StreamRun } from "../../../../test/support/stream-run.ts";
import { until } from "../../../../test/support/until.ts";
import { present } from "../../../base/assert.ts";
import type { Cut } from "../../../model/replication/block.ts";
import { postgres } from "../engine.ts";
import { namesOf } from "../names.ts";
import { parsePosition } from "./lsn.ts";

/** Cuts up to the one behind so many transactions after the checkpoint. Nothing is applied or confirmed. */
async function cutsOf(run: StreamRun, transactions: number): Promise<Cut[]> {
  const stop = new AbortController();
  await using source = await postgres.open(run.request, stop.signal);
  const cuts: Cut[] = [];
  let left = transactions;
  for await (const block of source.read(stop.signal)) {
    cuts.push(...block.cuts);
    for (const cut of block.cuts) left -= cut.transactions;
    block.release?.();
    if (cuts.length > 0 && left <= 0) break;
  }
  return cuts;
}

test("sequences never decrease, and are the same when the log is read again, and go on after a new slot", async () => {
  await using server = await TestPostgres.start();
  await server.run(["CREATE TABLE t (id serial PRIMARY KEY, v text)"]);
  await using run = await StreamRun.start(server);
  await run.synced("public.t");
  await run.stop();
  const row = "INSERT INTO t (v) SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 1000)";
  const transactions = 40;
  for (let number = 0; number < transactions; number++) await server.run(row);

  const [first, second] = [await cutsOf(run, transactions), await cutsOf(run, transactions)];
  expect(first.length).toBeGreaterThan(3);
  for (const cuts of [first, second]) {
    const sequences = cuts.map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.toSorted((a, b) => Number(a - b)));
    expect(cuts.map(({ position }) => parsePosition(position).lsn)).toEqual(sequences);
  }
  const end = present(first.at(-1), "there are cuts");
  expect(second.at(-1)).toMatchObject({ position: end.position, sequence: end.sequence });

  const { slot } = namesOf(run.integrationId, run.request.database);
  await until("a slot that nobody reads", async () => {
    const slots = await server.rows<{ active: boolean }>("SELECT active FROM pg_replication_slots");
    return slots.every(({ active }) => !active);
  });
  await server.run(`SELECT pg_drop_replication_slot('${slot}')`);
  const [renewed] = await cutsOf(run, 0);
  expect(run.notices).toMatchObject([{ code: "SLOT_LOST" }]);
  expect(present(renewed, "a stream begins with a cut").sequence).toBeGreaterThan(end.sequence);
});
