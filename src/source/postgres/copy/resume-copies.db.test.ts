import { expect, test } from "vitest";
import { TestDatabase, type StreamRun } from "../../../../test/support/stream-run.ts";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { printedSeed, randomFrom } from "../../../../test/support/random.ts";

const rows = 60_000;

/** Each has some 15 pieces, and pages with room for new versions of rows. */
const tables = {
  plain: `CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0, v text) WITH (fillfactor = 50);
    INSERT INTO t SELECT i, 0, repeat('v', 400) FROM generate_series(1, ${rows}) i`,
  large: `CREATE TABLE t (id int PRIMARY KEY, n int, v text, w text) WITH (fillfactor = 50);
    ALTER TABLE t ALTER w SET STORAGE EXTERNAL;
    INSERT INTO t SELECT i, 0, repeat('v', 400), CASE WHEN i % 10 = 0 THEN repeat('w', 3000) END
    FROM generate_series(1, ${rows}) i`,
  partitioned: `CREATE TABLE t (id int PRIMARY KEY, n int, v text) PARTITION BY RANGE (id);
    CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (${rows / 2});
    CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (${rows / 2}) TO (MAXVALUE);
    INSERT INTO t SELECT i, 0, repeat('v', 800) FROM generate_series(1, ${rows}) i`,
  keyless: `CREATE TABLE t (id int, n int, v text) WITH (fillfactor = 50);
    ALTER TABLE t REPLICA IDENTITY FULL;
    INSERT INTO t SELECT i % 100, 0, repeat('v', 400) FROM generate_series(1, ${rows}) i`,
} as const;

/** The first key that no row has had. */
let keys = 0;

const inserts = (): string => {
  keys += 1_000_000;
  return `INSERT INTO t SELECT i, 1, 'new' FROM generate_series(${keys}, ${keys} + 50) i`;
};

/** Changes of every kind anywhere in the table: new versions of rows go to any page with room. */
function changes(random: () => number): string[] {
  const some = (): string => `id % 211 = ${Math.floor(random() * 211)}`;
  keys += 1_000_000;
  return [
    `UPDATE t SET n = n + 1 WHERE ${some()}`,
    `DELETE FROM t WHERE ${some()}`,
    `UPDATE t SET id = id + ${keys} WHERE ${some()} AND id < ${rows}`,
    inserts(),
    `DELETE FROM t WHERE n > 0 AND ${some()}`,
    `BEGIN; SAVEPOINT s; UPDATE t SET n = 7 WHERE ${some()}; RELEASE s; COMMIT`,
    `BEGIN; UPDATE t SET n = 8 WHERE ${some()}; ROLLBACK`,
    "VACUUM t",
  ];
}

function copiesOf(run: StreamRun): number {
  return run.model.events.filter((event) => event === "copy-started public.t").length;
}

/** A run whose copy of a table is interrupted after some blocks, while changes are made. */
async function interrupted(
  database: TestDatabase,
  blocks: readonly number[],
  statements: () => readonly string[],
): Promise<StreamRun> {
  const run = await database.unstarted();
  for (const count of blocks) {
    run.holdCopies("rows", count);
    await run.start();
    await database.run(...statements());
    await run.until("a copy that waits", () => run.isHolding);
    await run.stop();
    await database.run(...statements());
  }
  run.holdCopies("none");
  await run.start();
  await run.synced("public.t");
  return run;
}

test.each([
  ["plain", 14],
  ["large", 18],
  ["large", 14],
  ["partitioned", 18],
] as const)(
  "the copy of a %s table continues after each interruption, beside any changes (PostgreSQL %i)",
  async (kind, version) => {
    const random = randomFrom(printedSeed());
    await using server = await TestPostgres.start({ version });
    const database = await TestDatabase.make(server);
    await database.run(tables[kind]);
    const blocks = [30, ...Array.from({ length: 5 }, () => 15 + Math.floor(random() * 15))];
    await using run = await interrupted(database, blocks, () => changes(random));
    expect(await run.differences()).toEqual([]);
    expect(copiesOf(run)).toBe(1);
    expect(run.model.copiedRows).toBeLessThanOrEqual(rows * 1.2);
    expect(await copySlots(database)).toEqual([]);
  },
  120_000,
);

test("the copy of a table without a key continues if rows were only inserted, else it begins again", async () => {
  await using server = await TestPostgres.start();
  for (const [statements, continues] of [
    [[inserts()], true],
    [[inserts(), "DELETE FROM t WHERE id = (SELECT min(id) FROM t)"], false],
    [["UPDATE t SET n = n + 1 WHERE id = 3"], false],
  ] as const) {
    const database = await TestDatabase.make(server);
    await database.run(tables.keyless);
    await using run = await interrupted(database, [30, 20], () => statements);
    expect(await run.differences()).toEqual([]);
    expect(copiesOf(run) === 1).toBe(continues);
  }
}, 120_000);

test.each([
  ["rewritten", "VACUUM FULL t"],
  ["altered", "ALTER TABLE t ADD z int"],
  ["emptied", "TRUNCATE t"],
  [
    "without the slot",
    "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name LIKE '%_copy'",
  ],
])(
  "a table that is %s while its copy is interrupted is copied again",
  async (_, statement) => {
    await using server = await TestPostgres.start();
    const database = await TestDatabase.make(server);
    await database.run(tables.plain);
    await using run = await database.unstarted();
    run.holdCopies("rows", 30);
    await run.start();
    await run.until("a copy that waits", () => run.isHolding);
    await run.stop();
    await database.run(statement);
    run.holdCopies("none");
    await run.start();
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
    expect(run.model.events).not.toContain("copy-resumed public.t");
    expect(await copySlots(database)).toEqual([]);
  },
  60_000,
);

test("a copy that is interrupted while it catches up continues from exactly there", async () => {
  await using server = await TestPostgres.start();
  const database = await TestDatabase.make(server);
  await database.run("CREATE TABLE other (id int PRIMARY KEY)");
  await using run = await database.stream();
  await run.synced("public.other");
  run.holdCopies("rows", 10);
  await database.run(`BEGIN; ${tables.keyless}; COMMIT`);
  const isSynced = (): boolean => run.model.phase("public.t")?.kind === "synced";
  let seen = 0;
  for (let round = 0; round < 4 && !isSynced(); round += 1) {
    await run.until("a copy that waits", () => run.isHolding || isSynced());
    // Applied twice, or not at all, each of these would leave the wrong number of equal rows.
    for (let change = 0; change < 5; change += 1)
      await database.run(
        "INSERT INTO t SELECT 7, 7, repeat('x', 400) FROM generate_series(1, 12000)",
        `DELETE FROM t WHERE ctid IN (SELECT ctid FROM t WHERE id = 7 LIMIT ${change})`,
      );
    await database.run(`INSERT INTO other VALUES (${round})`);
    await run.until("the stream ahead of the copy", () => run.model.rows("public.other").length > round);
    run.holdCopies("changes", 1);
    await run.until("changes that wait", () => run.isHolding || isSynced());
    seen += isSynced() ? 0 : 1;
    await run.restart();
  }
  run.holdCopies("none");
  await run.synced("public.t");
  expect(seen).toBeGreaterThan(0);
  expect(await run.differences()).toEqual([]);
  expect(copiesOf(run)).toBe(1);
  expect(run.model.copiedRows).toBe(rows);
}, 60_000);

function copySlots(database: TestDatabase): Promise<object[]> {
  return database.rows(
    "SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE '%_copy' AND database = current_database()",
  );
}
