import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestPostgres, type PostgresVersion } from "../../../../test/support/postgres.ts";
import { until } from "../../../../test/support/until.ts";
import { namesOf } from "../names.ts";
import { TestDatabase } from "../../../../test/support/stream-run.ts";

describe.each([14, 16, 18] as PostgresVersion[])("PostgreSQL %i", (version) => {
  let server: TestPostgres;
  beforeAll(async () => {
    // Every test leaves a slot behind.
    server = await TestPostgres.start({ version, settings: { max_replication_slots: "40" } });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  const filled = [
    "CREATE TABLE t (id int PRIMARY KEY, a text, b int)",
    "INSERT INTO t SELECT i, 'a' || i, i FROM generate_series(1, 100) i",
  ];

  async function streaming() {
    const database = await TestDatabase.make(server);
    await database.run(...filled);
    const run = await database.stream();
    await run.synced("public.t");
    return { database, run };
  }

  test("a column is added without any change of rows, with its default for those that exist", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run("ALTER TABLE t ADD c text DEFAULT 'x', ADD d int");
    await run.until("the new columns", () => run.model.columns("public.t").length === 5);
    expect(await run.differences()).toEqual([]);
    expect(run.model.events.filter((event) => event.startsWith("copy-started"))).toHaveLength(1);
  });

  test("rows before and after a change of columns in one transaction keep their values", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run(
      "BEGIN",
      "INSERT INTO t VALUES (1001, 'before', 1)",
      "ALTER TABLE t ADD c int DEFAULT 7",
      "INSERT INTO t VALUES (1002, 'between', 2, 3)",
      "ALTER TABLE t DROP b",
      "INSERT INTO t VALUES (1003, 'after', 4)",
      "COMMIT",
    );
    expect(await run.differences()).toEqual([]);
    await run.until("the columns", () => run.model.columns("public.t").join() === "id,a,c");
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
  });

  test("columns are renamed, exchanged, dropped and made again under a name", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run(
      "ALTER TABLE t RENAME a TO z",
      "INSERT INTO t (id, z, b) VALUES (201, 'z', 1)",
      "BEGIN",
      "ALTER TABLE t RENAME z TO tmp",
      "ALTER TABLE t RENAME b TO z",
      "ALTER TABLE t RENAME tmp TO b",
      "COMMIT",
      "INSERT INTO t (id, b, z) VALUES (202, 'b', 2)",
      "ALTER TABLE t DROP z",
      "ALTER TABLE t ADD z int",
      "INSERT INTO t (id, b, z) VALUES (203, 'b', 3)",
      "ALTER TABLE t DROP z",
      "ALTER TABLE t ADD z int",
    );
    await run.until("the last columns", () => run.model.columns("public.t").join() === "id,b,z");
    await run.synced("public.t");
    await run.until("an equal table", () => run.model.rows("public.t").every((row) => row[2] === null));
    expect(await run.differences()).toEqual([]);
  });

  test("a column that is dropped and made again while its rows are on their way takes none of their values", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run(
      "BEGIN",
      "ALTER TABLE t ADD c int",
      "INSERT INTO t VALUES (210, 'x', 1, 42)",
      "ALTER TABLE t DROP c",
      "ALTER TABLE t ADD c int DEFAULT 5",
      "INSERT INTO t VALUES (211, 'x', 1, 6)",
      "COMMIT",
    );
    await run.until("the column", () => run.model.columns("public.t").length === 4);
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
    await run.stop();
    // The older transaction changes the table later.
    const older = await server.connect(database.name);
    await older.query("BEGIN");
    await older.query("CREATE TABLE other (id int PRIMARY KEY)");
    await database.run(
      "BEGIN",
      "ALTER TABLE t ADD d int",
      "INSERT INTO t VALUES (212, 'x', 1, 6, 42)",
      "COMMIT",
    );
    await older.query("ALTER TABLE t DROP d, ADD d int DEFAULT 5");
    await older.query("COMMIT");
    await older.end();
    await run.start();
    await run.synced("public.other", "public.t");
    expect(await run.differences()).toEqual([]);
  });

  test("types change with and without rewriting the table", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run(
      "ALTER TABLE t ADD v varchar(5) DEFAULT 'v', ADD n numeric(6, 2) DEFAULT 1.50",
      "ALTER TABLE t ALTER v TYPE varchar(50)",
      "INSERT INTO t VALUES (301, 'x', 1, 'longer than five', 2)",
      "ALTER TABLE t ALTER n TYPE numeric(12, 2)",
      "INSERT INTO t VALUES (302, 'x', 1, 'longer than five', 2000000)",
      "ALTER TABLE t ALTER b TYPE bigint",
      "INSERT INTO t VALUES (303, 'x', 4000000000, NULL, NULL)",
      "ALTER TABLE t ALTER b TYPE bigint USING b * 2",
      "UPDATE t SET a = 'y' WHERE id = 5",
    );
    await run.until("the types", () => run.model.rows("public.t").some((row) => row[2] === "8000000000"));
    expect(await run.differences()).toEqual([]);
  });

  test("a generated column that becomes an ordinary one has the values it had", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run("CREATE TABLE u (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 2) STORED)");
    await database.run("INSERT INTO u SELECT generate_series(1, 5)");
    await run.synced("public.u");
    await database.run("ALTER TABLE u ALTER g DROP EXPRESSION");
    await run.until("the column", () => run.model.columns("public.u").join() === "id,g");
    await run.synced("public.u");
    expect(await run.differences()).toEqual([]);
    await database.run("CREATE TABLE v (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 2) STORED)");
    await database.run("INSERT INTO v SELECT generate_series(1, 5)");
    await run.synced("public.v");
    await run.stop();
    await database.run("INSERT INTO v VALUES (6)", "ALTER TABLE v ALTER g DROP EXPRESSION");
    await run.start();
    await run.until("the column", () => run.model.columns("public.v").join() === "id,g");
    await run.synced("public.v");
    expect(await run.differences()).toEqual([]);
  });

  test("a label or a field that is changed in its type is changed in the rows, a new label copies nothing", async () => {
    const database = await TestDatabase.make(server);
    await database.run(
      "CREATE TYPE e AS ENUM ('x', 'y')",
      "CREATE DOMAIN d AS e",
      "CREATE TYPE c AS (n int, l d[])",
      "CREATE TABLE t (id int PRIMARY KEY, e e)",
      "CREATE TABLE u (id int PRIMARY KEY, c c)",
      "INSERT INTO t VALUES (1, 'x')",
      "INSERT INTO u VALUES (1, (1, '{y}'))",
    );
    await using run = await database.stream();
    await run.synced("public.t", "public.u");
    const copies = (name: string): number =>
      run.model.events.filter((event) => event === `revealed ${name}`).length;
    const first = copies("public.t");
    await database.run("ALTER TYPE e ADD VALUE 'w' BEFORE 'x'", "INSERT INTO t VALUES (2, 'w')");
    await run.until("the row", () => run.model.rows("public.t").length === 2);
    expect(await run.differences()).toEqual([]);
    expect(copies("public.t")).toBe(first);
    await database.run("ALTER TYPE e RENAME VALUE 'x' TO 'renamed'");
    await run.until("the label", () => run.model.rows("public.t").some((row) => row[1] === "renamed"));
    await run.synced("public.t", "public.u");
    expect(await run.differences()).toEqual([]);
    for (const change of ["ADD ATTRIBUTE m int", "RENAME ATTRIBUTE m TO o", "DROP ATTRIBUTE n"]) {
      const before = copies("public.u");
      await database.run(`ALTER TYPE c ${change}`);
      await run.until("another copy", () => copies("public.u") > before);
      expect(await run.differences()).toEqual([]);
    }
    await run.stop();
    await database.run("ALTER TYPE e RENAME VALUE 'y' TO 'z'");
    const before = copies("public.u");
    await run.start();
    await run.until("another copy", () => copies("public.u") > before);
    expect(await run.differences()).toEqual([]);
  });

  test("a composite that has lost its last field and an enum without labels are types like others", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run(
      "CREATE TYPE e AS ENUM ()",
      "CREATE TYPE c AS (n int)",
      "CREATE TABLE u (id int PRIMARY KEY, e e, c c)",
      "INSERT INTO u VALUES (1, NULL, ROW (1))",
    );
    await run.synced("public.u");
    await database.run("ALTER TYPE c DROP ATTRIBUTE n");
    await run.until("no field", () => run.model.rows("public.u").some((row) => row[2] === "{}"));
    expect(await run.differences()).toEqual([]);
  });

  test("a rewrite that changes values but no type is noticed without any change of rows", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run("ALTER TABLE t ALTER b TYPE int USING b + 1000");
    await run.until("the new values", () => run.model.rows("public.t").some((row) => row[2] === "1100"));
    expect(await run.differences()).toEqual([]);
  });

  test("a column with a volatile default has the source's values", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run(
      "ALTER TABLE t ADD r double precision DEFAULT random()",
      "INSERT INTO t VALUES (400, 'x', 1)",
    );
    await run.until("the column", () => run.model.columns("public.t").length === 4);
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
  });

  test("a column that a partitioned table gets has its default in the rows of all partitions", async () => {
    const database = await TestDatabase.make(server);
    await database.run(
      "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)",
      "CREATE TABLE p1 PARTITION OF t FOR VALUES FROM (0) TO (100)",
      "CREATE TABLE p2 PARTITION OF t FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (id)",
      "CREATE TABLE p3 PARTITION OF p2 FOR VALUES FROM (100) TO (200)",
      "INSERT INTO t SELECT generate_series(90, 110)",
    );
    await using run = await database.stream();
    await run.synced("public.t");
    await database.run(
      "ALTER TABLE t ADD c int DEFAULT 7, ADD d text",
      "CREATE TABLE p4 PARTITION OF t FOR VALUES FROM (200) TO (300)",
      "INSERT INTO t VALUES (250, 8)",
    );
    await run.until("the columns", () => run.model.columns("public.t").join() === "id,c,d");
    expect(await run.differences()).toEqual([]);
    expect(run.model.events.filter((event) => event.startsWith("copy-started"))).toHaveLength(1);
  });

  test("a partition that is made, filled and truncated between two looks has none of those rows", async () => {
    const database = await TestDatabase.make(server);
    await database.run("CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)");
    await using run = await database.stream();
    await run.synced("public.t");
    await run.stop();
    await database.run(
      "CREATE TABLE p1 PARTITION OF t FOR VALUES FROM (0) TO (100)",
      "INSERT INTO t VALUES (1)",
      "TRUNCATE p1",
      "INSERT INTO t VALUES (2)",
    );
    await run.start();
    await run.until("the row that is left", () => run.model.rows("public.t").join() === "2");
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
  });

  test("a partition whose concurrent detaching was given up half-way is a table of its own", async () => {
    const database = await TestDatabase.make(server);
    await database.run(
      "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)",
      "CREATE TABLE p1 PARTITION OF t FOR VALUES FROM (0) TO (100)",
      "CREATE TABLE p2 PARTITION OF t FOR VALUES FROM (100) TO (200)",
      "INSERT INTO t VALUES (1), (101)",
    );
    await using run = await database.stream();
    await run.synced("public.t");
    const reader = await server.connect(database.name);
    await reader.query("BEGIN; SELECT FROM t");
    const detach = database.run(
      "SET lock_timeout = '10ms'",
      "ALTER TABLE t DETACH PARTITION p1 CONCURRENTLY",
    );
    await expect(detach).rejects.toThrow("lock timeout");
    await reader.query("COMMIT");
    await reader.end();
    await database.run("INSERT INTO p1 VALUES (2)", "ALTER TABLE t ADD c int DEFAULT 7");
    await run.until("the table's rows", () => run.model.rows("public.t").join() === "101,7");
    await run.synced("public.t", "public.p1");
    expect(await run.differences()).toEqual([]);
    expect(run.model.rows("public.p1")).toHaveLength(2);
  });

  test("tables are made, dropped and made again under a name", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run(
      "CREATE TABLE u (id int PRIMARY KEY)",
      "INSERT INTO u SELECT generate_series(1, 50)",
      "DROP TABLE t",
      "CREATE TABLE t (id int PRIMARY KEY, other text)",
      "INSERT INTO t VALUES (1, 'new')",
    );
    await run.until("the new tables", () => run.model.columns("public.t").join() === "id,other");
    await run.synced("public.u", "public.t");
    await database.run("INSERT INTO u VALUES (51)", "INSERT INTO t VALUES (2, 'newer')");
    expect(await run.differences()).toEqual([]);
    await database.run("DROP TABLE u");
    await run.until("u dropped", () => run.model.phase("public.u")?.kind === "deleted");
  });

  test("tables are renamed, exchange their names, and move to another schema", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run("CREATE SCHEMA s", "CREATE TABLE u (id int PRIMARY KEY)", "INSERT INTO u VALUES (1)");
    await run.synced("public.u");
    await database.run(
      "BEGIN",
      "ALTER TABLE t RENAME TO tmp",
      "ALTER TABLE u RENAME TO t",
      "ALTER TABLE tmp RENAME TO u",
      "COMMIT",
      "INSERT INTO t VALUES (2)",
      "INSERT INTO u VALUES (999, 'was t', 1)",
    );
    expect(await run.differences()).toEqual([]);
    await database.run("ALTER TABLE t SET SCHEMA s");
    await run.until("the new schema", () => run.model.phase("s.t")?.kind === "synced");
    expect(await run.differences()).toEqual([]);
    expect(run.model.events.filter((event) => event.startsWith("copy-started"))).toHaveLength(2);
  });

  test("the replica identity changes: DEFAULT, FULL, USING INDEX, NOTHING, and back", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run(
      "ALTER TABLE t REPLICA IDENTITY FULL",
      "UPDATE t SET a = 'full' WHERE id < 10",
      "DELETE FROM t WHERE id = 10",
      "ALTER TABLE t ALTER b SET NOT NULL, ALTER a SET NOT NULL, ADD UNIQUE (b, a)",
      "ALTER TABLE t REPLICA IDENTITY USING INDEX t_b_a_key",
      "UPDATE t SET b = b + 1000 WHERE id < 20",
      "DELETE FROM t WHERE id = 20",
    );
    expect(await run.differences()).toEqual([]);
    await database.run("ALTER TABLE t REPLICA IDENTITY NOTHING", "INSERT INTO t VALUES (500, 'x', 500)");
    await run.until("a failed table", () => run.model.phase("public.t")?.kind === "failed");
    await until("updates that nobody minds", () =>
      database.run("UPDATE t SET a = 'nobody minds' WHERE id = 30").then(
        () => true,
        () => false,
      ),
    );
    await database.run("ALTER TABLE t REPLICA IDENTITY DEFAULT");
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
  });

  test("a table without a key fails alone, and is copied once it has one", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run("CREATE TABLE k (x int)", "INSERT INTO k VALUES (1), (1)");
    await run.until("a failed table", () => run.model.phase("public.k")?.kind === "failed");
    await database.run("DELETE FROM k", "INSERT INTO k VALUES (1)", "INSERT INTO t VALUES (600, 'x', 1)");
    expect(await run.differences()).toEqual([]);
    await database.run("ALTER TABLE k ADD PRIMARY KEY (x)");
    await run.synced("public.k");
    await database.run("ALTER TABLE k DROP CONSTRAINT k_pkey");
    await run.until("a failed table again", () => run.model.phase("public.k")?.kind === "failed");
    await until("updates that nobody minds", () =>
      database.run("UPDATE k SET x = 2").then(
        () => true,
        () => false,
      ),
    );
    await database.run("ALTER TABLE k REPLICA IDENTITY FULL");
    await run.synced("public.k");
    expect(await run.differences()).toEqual([]);
  });

  test("what is changed while nobody reads is caught up with", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await run.stop();
    await database.run(
      "INSERT INTO t VALUES (700, 'x', 1)",
      "ALTER TABLE t ADD c int DEFAULT 5",
      "INSERT INTO t VALUES (701, 'x', 1, 2)",
      "ALTER TABLE t RENAME a TO aa",
      "UPDATE t SET aa = 'changed' WHERE id = 1",
      "CREATE TABLE late (id int PRIMARY KEY)",
      "INSERT INTO late VALUES (1)",
    );
    await run.start();
    await run.synced("public.late");
    await run.until("the columns", () => run.model.columns("public.t").join() === "id,aa,b,c");
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
    await run.stop();
    await database.run("ALTER TABLE t ALTER b TYPE int USING -b", "DROP TABLE late");
    await run.start();
    await run.until("the rewrite", () => run.model.rows("public.t").some((row) => row[2] === "-50"));
    await run.until("the drop", () => run.model.phase("public.late")?.kind === "deleted");
    expect(await run.differences()).toEqual([]);
  });

  test("changes that are rolled back never show", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run(
      "BEGIN",
      "SAVEPOINT s",
      "ALTER TABLE t ADD c int",
      "INSERT INTO t VALUES (800, 'x', 1, 1)",
      "ROLLBACK TO s",
      "INSERT INTO t VALUES (801, 'x', 1)",
      "COMMIT",
      "BEGIN",
      "ALTER TABLE t DROP a",
      "ROLLBACK",
    );
    expect(await run.differences()).toEqual([]);
    expect(run.model.events.filter((event) => event.startsWith("altered"))).toEqual([]);
  });

  test("what does not concern the rows causes no copy, now or after a restart", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await database.run(
      "CREATE INDEX ON t (b)",
      "COMMENT ON TABLE t IS 'x'",
      "ALTER TABLE t ALTER b SET STATISTICS 5",
      "ANALYZE t",
      "INSERT INTO t VALUES (900, 'x', 1)",
      "GRANT SELECT ON t TO PUBLIC",
    );
    // A column that is changed and a table that is rewritten between two looks could be an ALTER … TYPE … USING.
    expect(await run.differences()).toEqual([]);
    await database.run("VACUUM FULL pg_class", "CLUSTER t USING t_pkey", "UPDATE t SET b = 0 WHERE id = 3");
    expect(await run.differences()).toEqual([]);
    await run.restart();
    await database.run("UPDATE t SET b = 0 WHERE id = 4");
    expect(await run.differences()).toEqual([]);
    expect(run.model.events.filter((event) => event.startsWith("copy-started"))).toHaveLength(1);
  });

  test("a table that a person takes out of the publication says so, and is copied when it is back", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    const publication = `zeroetl_${run.integrationId.replaceAll("-", "")}`;
    const change = async (how: string): Promise<void> =>
      database.run(
        `DO $$ BEGIN EXECUTE (SELECT format('ALTER PUBLICATION %I ${how} TABLE t', pubname)
         FROM pg_publication WHERE pubname LIKE '${publication}%'); END $$`,
      );
    await change("DROP");
    await run.until("a failed table", () => run.model.phase("public.t")?.kind === "failed");
    await database.run("DELETE FROM t WHERE id = 7");
    await change("ADD");
    await run.synced("public.t");
    await run.stop();
    await change("DROP");
    await database.run("DELETE FROM t WHERE id = 8");
    await change("ADD");
    await run.start();
    await run.until(
      "another copy",
      () => run.model.events.filter((event) => event.startsWith("revealed")).length === 3,
    );
    expect(await run.differences()).toEqual([]);
  });

  test("what a person keeps from being published for a while is not missing afterwards", async () => {
    const { database, run } = await streaming();
    await using _ = run;
    await run.stop();
    const { publication } = namesOf(run.integrationId, database.name);
    const publish = (what: string): string => `ALTER PUBLICATION ${publication} SET (publish = '${what}')`;
    await database.run(publish("insert"), "UPDATE t SET b = 0", publish("insert, update, delete, truncate"));
    await run.start();
    await run.until("the rows", () => run.model.rows("public.t").every((row) => row[2] === "0"));
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
  });

  test("a filter that changes drops tables and copies others", async () => {
    const database = await TestDatabase.make(server);
    await database.run(...filled, "CREATE TABLE u (id int PRIMARY KEY)");
    await using run = await database.stream({ filter: `include: ${database.name}.public.t` });
    await run.synced("public.t");
    expect(run.model.phase("public.u")).toBeUndefined();
    await run.stop();
    run.filter = `include: ${database.name}.public.u`;
    await run.start();
    await run.synced("public.u");
    expect(run.model.phase("public.t")?.kind).toBe("deleted");
    await database.run("ALTER TABLE u RENAME TO v");
    await run.until("u out of scope", () =>
      run.model.progress.tables.every(({ phase }) => phase.kind === "deleted"),
    );
  });
});
