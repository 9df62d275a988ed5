import { expect, test } from "vitest";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { printedSeed, randomFrom } from "../../../../test/support/random.ts";
import { TestDatabase } from "../../../../test/support/stream-run.ts";

const tables = Array.from({ length: 8 }, (_, index) => `t${index}`);

test("tables that are copied one after another while all are written to end equal", async () => {
  const random = randomFrom(printedSeed());
  const below = (limit: number): number => Math.floor(random() * limit);
  await using server = await TestPostgres.start({ settings: { logical_decoding_work_mem: "64kB" } });
  const database = await TestDatabase.make(server);
  await using run = await database.stream();
  const client = await server.connect(database.name);
  await client.query("SET lock_timeout = '100ms'");
  const made: string[] = [];
  const change = (table: string): string => {
    const id = below(300);
    const statements = [
      `INSERT INTO ${table} VALUES (${id}, 'new', 'short') ON CONFLICT (id) DO UPDATE SET v = 'again'`,
      `UPDATE ${table} SET v = v || 'x' WHERE id % 7 = ${below(7)}`,
      `UPDATE ${table} SET id = id + 1000 WHERE id = ${id}`,
      `DELETE FROM ${table} WHERE id % 11 = ${below(11)}`,
      `INSERT INTO ${table} SELECT i, 'many' FROM generate_series(2000, ${2000 + below(300)}) i ON CONFLICT DO NOTHING`,
      `INSERT INTO log_${table} SELECT id FROM ${table} WHERE id < 100`,
      `DELETE FROM log_${table} WHERE id % 3 = ${below(3)}`,
      ...(below(6) === 0 ? [`TRUNCATE ${table}`] : []),
      ...(below(12) === 0 ? [`ALTER TABLE ${table} ADD COLUMN c${below(1e6)} int DEFAULT ${id}`] : []),
    ];
    return statements[below(statements.length)] ?? "";
  };
  for (let step = 0; step < 300; step += 1) {
    const table = tables[made.length];
    if (step % 30 === 0 && table !== undefined) {
      await client.query(
        `BEGIN; CREATE TABLE ${table} (id int PRIMARY KEY, v text, w text DEFAULT repeat('w', 3000));
         ALTER TABLE ${table} ALTER w SET STORAGE EXTERNAL;
         CREATE TABLE log_${table} (id int); ALTER TABLE log_${table} REPLICA IDENTITY FULL;
         INSERT INTO ${table} SELECT i, 'first' FROM generate_series(1, ${below(2000)}) i; COMMIT`,
      );
      made.push(table);
    }
    const statements = Array.from({ length: 1 + below(3) }, () => change(made[below(made.length)] ?? "t0"));
    const end = below(8) === 0 ? "ROLLBACK" : "COMMIT";
    // A statement may fail because a key exists already, or because the table is locked while it is copied.
    await client.query(["BEGIN", ...statements, end].join("; ")).catch(() => client.query("ROLLBACK"));
    // If their changes are withheld, copies fall behind the stream.
    if (below(5) === 0) run.holdCopies(below(2) === 0 ? "none" : "changes");
  }
  run.holdCopies("none");
  await client.end();
  await run.synced(...tables.flatMap((table) => [`public.${table}`, `public.log_${table}`]));
  expect(await run.differences()).toEqual([]);
}, 180_000);

test("no transaction is lost or repeated where a copy catches up with a busy stream", async () => {
  const random = randomFrom(printedSeed());
  const below = (limit: number): number => Math.floor(random() * limit);
  await using server = await TestPostgres.start({
    settings: { max_replication_slots: "30", max_wal_senders: "30" },
  });
  for (let round = 0; round < 10; round += 1) {
    const database = await TestDatabase.make(server);
    await database.run("CREATE TABLE other (id int PRIMARY KEY)");
    await using run = await database.stream();
    await run.synced("public.other");
    run.holdCopies("rows");
    await database.run("CREATE TABLE t AS SELECT i AS id, 'x' AS v FROM generate_series(1, 50) i");
    await database.run("ALTER TABLE t ADD PRIMARY KEY (id)");
    await run.until("its copy", () => run.model.phase("public.t")?.kind === "copying");
    const client = await server.connect(database.name);
    for (let step = 0; step < 40; step += 1) {
      const update = `UPDATE t SET v = v || '${step}' WHERE id = ${1 + below(50)}`;
      await client.query(below(2) === 0 ? update : `INSERT INTO t VALUES (${200 + step}, 'new')`);
      if (step > 0 && below(5) === 0) run.holdCopies(below(2) === 0 ? "none" : "changes");
    }
    await client.end();
    run.holdCopies("none");
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
  }
}, 120_000);
