import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestPostgres, type PostgresVersion } from "../../../test/support/postgres.ts";
import { TestDatabase, type StreamRun } from "../../../test/support/stream-run.ts";

describe.each([14, 16, 18] as PostgresVersion[])("PostgreSQL %i", (version) => {
  let server: TestPostgres;
  beforeAll(async () => {
    const settings = { logical_decoding_work_mem: "64kB", max_prepared_transactions: "5" };
    server = await TestPostgres.start({ version, settings });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  async function streaming(...setup: string[]): Promise<{ database: TestDatabase; run: StreamRun }> {
    const database = await TestDatabase.make(server);
    await database.run(...setup);
    return { database, run: await database.stream() };
  }

  test("values that the server does not send again keep what the target holds", async () => {
    const { database, run } = await streaming(
      "CREATE TABLE t (id int PRIMARY KEY, big text, small int, list text[])",
      "ALTER TABLE t ALTER big SET STORAGE EXTERNAL, ALTER list SET STORAGE EXTERNAL",
    );
    await using _ = run;
    await database.run(
      "INSERT INTO t SELECT i, repeat(md5(i::text), 500), i, ARRAY[repeat(md5(i::text), 500)] FROM generate_series(1, 20) i",
      "UPDATE t SET small = small + 1",
      "UPDATE t SET id = -id, small = 0 WHERE id < 5",
      "UPDATE t SET big = NULL WHERE id = 7",
      "UPDATE t SET small = NULL WHERE id = 7",
      "ALTER TABLE t REPLICA IDENTITY FULL",
      "UPDATE t SET small = small + 1 WHERE id > 10",
      "DELETE FROM t WHERE id = 15",
    );
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
    await database.run("UPDATE t SET small = 99 WHERE id > 12", "UPDATE t SET id = id + 100 WHERE id > 12");
    expect(await run.differences()).toEqual([]);
  });

  test("equal rows of a table without a key are counted", async () => {
    const { database, run } = await streaming(
      "CREATE TABLE t (a int, b text)",
      "ALTER TABLE t REPLICA IDENTITY FULL",
      "INSERT INTO t VALUES (1, 'x'), (1, 'x'), (1, 'x'), (NULL, NULL), (NULL, NULL)",
    );
    await using _ = run;
    await run.synced("public.t");
    await database.run(
      "DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t)",
      "UPDATE t SET a = a WHERE a = 1",
      "DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t WHERE a IS NULL)",
      "INSERT INTO t VALUES (1, 'x')",
    );
    expect(await run.differences()).toEqual([]);
    expect(run.model.rows("public.t")).toHaveLength(4);
  });

  test("rows of one transaction in any order, truncation included", async () => {
    const { database, run } = await streaming(
      "CREATE TABLE t (id int PRIMARY KEY, v int)",
      "CREATE TABLE u (id serial PRIMARY KEY, t int REFERENCES t)",
      "INSERT INTO t VALUES (1, 1), (2, 2)",
      "INSERT INTO u (t) VALUES (1)",
    );
    await using _ = run;
    await run.synced("public.t", "public.u");
    await database.run(
      "BEGIN",
      "DELETE FROM u",
      "DELETE FROM t WHERE id = 1",
      "INSERT INTO t VALUES (1, 10)",
      "INSERT INTO t VALUES (3, 3)",
      "DELETE FROM t WHERE id = 3",
      "COMMIT",
    );
    expect(await run.differences()).toEqual([]);
    await database.run(
      "BEGIN",
      "INSERT INTO t VALUES (4, 4)",
      "TRUNCATE t RESTART IDENTITY CASCADE",
      "INSERT INTO t VALUES (5, 5)",
      "COMMIT",
    );
    expect(await run.differences()).toEqual([]);
    expect(run.model.rows("public.t")).toEqual([["5", "5"]]);
    expect(run.model.rows("public.u")).toEqual([]);
  });

  test("a key over several columns in another order than theirs, and an index as identity", async () => {
    const { database, run } = await streaming(
      "CREATE TYPE mood AS ENUM ('good', 'bad')",
      "CREATE TABLE t (a int, m mood, c text, PRIMARY KEY (c, a))",
      "CREATE TABLE u (a int NOT NULL, b text, m mood NOT NULL, UNIQUE (m, a))",
      "ALTER TABLE u REPLICA IDENTITY USING INDEX u_m_a_key",
      "INSERT INTO t VALUES (1, 'good', 'x'), (2, NULL, 'y')",
      "INSERT INTO u VALUES (1, 'x', 'good'), (2, NULL, 'bad')",
    );
    await using _ = run;
    await run.synced("public.t", "public.u");
    await database.run(
      "UPDATE t SET c = 'z' WHERE a = 1",
      "UPDATE t SET m = 'bad' WHERE a = 2",
      "UPDATE u SET a = 3 WHERE a = 1",
      "UPDATE u SET b = 'y' WHERE a = 2",
      "DELETE FROM u WHERE a = 3",
    );
    expect(await run.differences()).toEqual([]);
  });

  test("a transaction that is sent before its commit counts without what was rolled back in it", async () => {
    const { database, run } = await streaming("CREATE TABLE t (id int PRIMARY KEY, v text)");
    await using _ = run;
    await run.synced("public.t");
    const insert = (from: number, to: number): string =>
      `INSERT INTO t SELECT i, 'row ' || i FROM generate_series(${from}, ${to}) i`;
    await database.run(
      "BEGIN",
      "SAVEPOINT first",
      insert(1, 30_000),
      "ROLLBACK TO first",
      insert(30_001, 60_000),
      "SAVEPOINT second",
      insert(60_001, 90_000),
      "SAVEPOINT third",
      "DELETE FROM t WHERE id > 50000",
      "ROLLBACK TO third",
      "UPDATE t SET v = 'changed' WHERE id % 100 = 0",
      "RELEASE second",
      "COMMIT",
      "BEGIN",
      insert(100_001, 130_000),
      "ROLLBACK",
    );
    const before = run.model.transactions;
    expect(await run.differences()).toEqual([]);
    expect(run.model.rows("public.t")).toHaveLength(60_000);
    expect(run.model.transactions - before).toBeLessThanOrEqual(1);
  });

  test("large transactions that overlap, with a change of columns in one, are applied as they commit", async () => {
    const { database, run } = await streaming("CREATE TABLE t (id int PRIMARY KEY, v text)");
    await using _ = run;
    await run.synced("public.t");
    const sessions = await Promise.all([server.connect(database.name), server.connect(database.name)]);
    const [one, two] = sessions;
    for (const session of sessions) await session.query("BEGIN");
    for (let round = 0; round < 4; round += 1)
      for (const [index, session] of sessions.entries())
        await session.query(
          `INSERT INTO t SELECT i, 'x' FROM generate_series(${index * 100_000 + round * 5000}, ${index * 100_000 + round * 5000 + 4999}) i`,
        );
    await database.run("INSERT INTO t VALUES (-1, 'between')");
    await one.query("COMMIT");
    await two.query("ALTER TABLE t ADD w int DEFAULT 3");
    await two.query("UPDATE t SET w = 4 WHERE id % 2 = 0");
    await two.query("COMMIT");
    for (const session of sessions) await session.end();
    await run.until("the column", () => run.model.columns("public.t").length === 3);
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
  });

  test("a prepared transaction shows when it is committed, also behind a restart", async () => {
    const { database, run } = await streaming("CREATE TABLE t (id int PRIMARY KEY)");
    await using _ = run;
    await run.synced("public.t");
    await database.run("BEGIN", "INSERT INTO t VALUES (1)", `PREPARE TRANSACTION '${database.name}'`);
    expect(run.model.rows("public.t")).toEqual([]);
    await run.restart();
    await database.run("INSERT INTO t VALUES (2)");
    await run.until("the other row", () => run.model.rows("public.t").length === 1);
    await database.run(`COMMIT PREPARED '${database.name}'`);
    expect(await run.differences()).toEqual([]);
    expect(run.model.rows("public.t")).toHaveLength(2);
  });

  test("partitions flow through their root, new ones too, and what moves rows by itself is noticed", async () => {
    const { database, run } = await streaming(
      "CREATE TABLE p (id int PRIMARY KEY, a text, b int) PARTITION BY RANGE (id)",
      "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100)",
      "CREATE TABLE p2 (b int, id int NOT NULL, a text)",
      "ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (100) TO (200)",
      "INSERT INTO p SELECT i, 'a' || i, i FROM generate_series(1, 150) i",
    );
    await using _ = run;
    await run.synced("public.p");
    await database.run(
      "INSERT INTO p VALUES (151, 'x', 1)",
      "UPDATE p SET id = 50 + 120 WHERE id = 50",
      "DELETE FROM p WHERE id = 60",
      "CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (200) TO (300)",
      "INSERT INTO p VALUES (250, 'new', 2)",
      "UPDATE p SET b = 3 WHERE id = 250",
    );
    expect(await run.differences()).toEqual([]);
    const copies = (): number => run.model.events.filter((event) => event.startsWith("revealed")).length;
    expect(copies()).toBe(1);
    await database.run(
      "CREATE TABLE p4 (id int PRIMARY KEY, a text, b int)",
      "INSERT INTO p4 VALUES (350, 'attached', 1)",
      "ALTER TABLE p ATTACH PARTITION p4 FOR VALUES FROM (300) TO (400)",
    );
    await run.until("the attached rows", () =>
      run.model.rows("public.p").some((row) => row[1] === "attached"),
    );
    expect(await run.differences()).toEqual([]);
    await database.run("TRUNCATE p3");
    await run.until(
      "a truncated partition",
      () => !run.model.rows("public.p").some((row) => row[0] === "250"),
    );
    await database.run("ALTER TABLE p DETACH PARTITION p1");
    await run.until("a detached partition", () => run.model.rows("public.p").length < 60);
    expect(await run.differences()).toEqual([]);
    await database.run("TRUNCATE p");
    await run.until("an empty table", () => run.model.rows("public.p").length === 0);
    expect(run.model.phase("public.p1")?.kind).toBe("synced");
  });

  test("a partition that is attached empty is part of its table without another copy", async () => {
    const { database, run } = await streaming(
      "CREATE TABLE p (id int PRIMARY KEY, a text) PARTITION BY RANGE (id)",
      "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100)",
      "INSERT INTO p VALUES (1, 'x')",
    );
    await using _ = run;
    await run.synced("public.p");
    const told = (kind: string): number =>
      run.model.events.filter((event) => event === `${kind} public.p`).length;
    await database.run(
      "CREATE TABLE p2 (LIKE p INCLUDING ALL)",
      "ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (100) TO (200)",
    );
    await run.until("the partition is known", () => told("altered") === 1);
    await database.run(
      "INSERT INTO p VALUES (101, 'y')",
      "UPDATE p SET a = 'z'",
      "UPDATE p SET id = 102 WHERE id = 1",
    );
    expect(await run.differences()).toEqual([]);
    await run.restart();
    await database.run("INSERT INTO p VALUES (103, 'y')");
    expect(await run.differences()).toEqual([]);
    expect(told("copy-started")).toBe(1);
    await database.run(
      "CREATE TABLE p3 (LIKE p INCLUDING ALL)",
      "INSERT INTO p3 VALUES (201, 'filled')",
      "ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (200) TO (300)",
    );
    await run.until("the rows that were attached", () =>
      run.model.rows("public.p").some((row) => row[1] === "filled"),
    );
    expect(await run.differences()).toEqual([]);
  });

  test("tables of any name and shape", async () => {
    const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
    const names = [
      "Mixed Case",
      "select",
      "a-b?%s",
      'quo"ted',
      "back\\slash",
      "ünï→ 😀",
      "x".repeat(63),
      "o'clock",
    ];
    const { database, run } = await streaming(
      ...names.flatMap((name) => [
        `CREATE SCHEMA ${quoted(name)}`,
        `CREATE TABLE ${quoted(name)}.${quoted(name)} (${quoted(name)} int PRIMARY KEY, "A" int, a int)`,
        `INSERT INTO ${quoted(name)}.${quoted(name)} VALUES (1, 2, 3)`,
      ]),
      "CREATE TABLE empty (id int PRIMARY KEY)",
      "CREATE TABLE parent (id int PRIMARY KEY)",
      "CREATE TABLE child (x int, PRIMARY KEY (id)) INHERITS (parent)",
      "INSERT INTO parent VALUES (1)",
      "INSERT INTO child VALUES (1, 2)",
    );
    await using _ = run;
    const tables = names.map((name) => `${name}.${name}`);
    await run.synced(...tables, "public.empty", "public.parent", "public.child");
    await database.run(
      ...names.map((name) => `UPDATE ${quoted(name)}.${quoted(name)} SET "A" = 5, ${quoted(name)} = 7`),
      "UPDATE parent SET id = id + 1",
      "INSERT INTO empty VALUES (1)",
    );
    expect(await run.differences()).toEqual([]);
  });

  test("generated columns are left out, and do not keep their table's users from updating it", async () => {
    const { database, run } = await streaming(
      "CREATE TABLE t (a int, g int GENERATED ALWAYS AS (a * 2) STORED, id int PRIMARY KEY, i int GENERATED ALWAYS AS IDENTITY)",
      "CREATE TABLE f (a int, g int GENERATED ALWAYS AS (a * 2) STORED)",
      "ALTER TABLE f REPLICA IDENTITY FULL",
      "INSERT INTO t VALUES (1, DEFAULT, 1)",
      "INSERT INTO f VALUES (1)",
    );
    await using _ = run;
    await run.synced("public.t");
    await run.until("f known", () => ["synced", "failed"].includes(run.model.phase("public.f")?.kind ?? ""));
    await database.run("UPDATE t SET a = 5", "INSERT INTO t VALUES (2, DEFAULT, 2)", "UPDATE f SET a = 2");
    expect(await run.differences()).toEqual([]);
    expect(run.model.columns("public.t")).toEqual(["a", "id", "i"]);
    expect(run.model.phase("public.f")?.kind).toBe(version >= 18 ? "failed" : "synced");
    await database.run("ALTER TABLE f ADD PRIMARY KEY (a)", "ALTER TABLE f REPLICA IDENTITY DEFAULT");
    await run.synced("public.f");
  });

  test("a row of 20 MB passes, copied and streamed", async () => {
    const { database, run } = await streaming(
      "CREATE TABLE t (id int PRIMARY KEY, b bytea)",
      "ALTER TABLE t ALTER b SET STORAGE EXTERNAL",
      "INSERT INTO t VALUES (1, decode(repeat('ab', 20000000), 'hex'))",
    );
    await using _ = run;
    await run.synced("public.t");
    await database.run(
      "INSERT INTO t VALUES (2, decode(repeat('cd', 20000000), 'hex'))",
      "INSERT INTO t VALUES (3)",
    );
    expect(await run.differences()).toEqual([]);
  });

  test("logical messages of others between and in transactions do not matter", async () => {
    const { database, run } = await streaming("CREATE TABLE t (id int PRIMARY KEY)");
    await using _ = run;
    await run.synced("public.t");
    await database.run(
      "SELECT pg_logical_emit_message(false, 'x', 'y')",
      "BEGIN",
      "SELECT pg_logical_emit_message(true, 'x', 'y')",
      "INSERT INTO t VALUES (1)",
      "COMMIT",
    );
    expect(await run.differences()).toEqual([]);
  });
});
