import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestPostgres, type PostgresVersion } from "../../../../test/support/postgres.ts";
import { TestDatabase } from "../../../../test/support/stream-run.ts";
import { postgres } from "../engine.ts";

/** A name that must be quoted. */
const table = '"T x"."t""t"';

function schemaOf(index: number): string {
  return `"T ${index}"`;
}

/** A statement of one case in its own schema. */
function inSchema(statement: string, index: number): string {
  return `SET search_path = ${schemaOf(index)}; ${statement.replaceAll('"T x"', schemaOf(index))}`;
}

interface Refused {
  readonly what: string;
  readonly setup: readonly string[];
  readonly says: RegExp;
  readonly fix: RegExp;
  /** Statements that the table needs to take rows. */
  readonly after?: readonly string[];
  /** Versions from this one on. */
  readonly since?: PostgresVersion;
  readonly until?: PostgresVersion;
}

const generated = `CREATE TABLE ${table} (a int NOT NULL, g int GENERATED ALWAYS AS (a + 1) STORED`;
const parts = (columns: string): string[] => [
  `CREATE TABLE ${table} (${columns}) PARTITION BY RANGE (a)`,
  `CREATE TABLE p1 PARTITION OF ${table} FOR VALUES FROM (0) TO (100)`,
  `CREATE TABLE p2 PARTITION OF ${table} FOR VALUES FROM (100) TO (200)`,
];

const refused: readonly Refused[] = [
  {
    what: "no key",
    setup: [`CREATE TABLE ${table} (a int)`],
    says: /has no primary key/,
    fix: /REPLICA IDENTITY FULL/,
  },
  {
    what: "no primary key, but a unique index",
    setup: [
      `CREATE TABLE ${table} (a int NOT NULL, b int UNIQUE, c int)`,
      `CREATE UNIQUE INDEX partial ON ${table} (c) WHERE c > 0`,
      `CREATE UNIQUE INDEX "a x" ON ${table} (a) INCLUDE (c)`,
    ],
    says: /has no primary key/,
    fix: /USING INDEX "a x"/,
  },
  {
    what: "REPLICA IDENTITY NOTHING and a primary key",
    setup: [`CREATE TABLE ${table} (a int PRIMARY KEY)`, `ALTER TABLE ${table} REPLICA IDENTITY NOTHING`],
    says: /REPLICA IDENTITY NOTHING/,
    fix: /REPLICA IDENTITY DEFAULT/,
  },
  {
    what: "a deferrable primary key",
    setup: [`CREATE TABLE ${table} (a int PRIMARY KEY DEFERRABLE)`],
    says: /deferrable/,
    fix: /REPLICA IDENTITY FULL/,
  },
  {
    what: "a deferrable primary key and a generated column",
    setup: [`${generated}, PRIMARY KEY (a) DEFERRABLE)`],
    says: /deferrable/,
    fix: /ADD COLUMN .* UNIQUE;.*USING INDEX/,
    since: 18,
  },
  {
    what: "an identity index that was dropped, and a primary key",
    setup: [
      `CREATE TABLE ${table} (a int PRIMARY KEY, b int NOT NULL DEFAULT 1)`,
      `CREATE UNIQUE INDEX i ON ${table} (b)`,
      `ALTER TABLE ${table} REPLICA IDENTITY USING INDEX i`,
      `DROP INDEX "T x".i`,
    ],
    says: /was dropped/,
    fix: /REPLICA IDENTITY DEFAULT/,
  },
  {
    what: "an identity index that was dropped, and no other key",
    setup: [
      `CREATE TABLE ${table} (a int, b int NOT NULL DEFAULT 1)`,
      `CREATE UNIQUE INDEX i ON ${table} (b)`,
      `ALTER TABLE ${table} REPLICA IDENTITY USING INDEX i`,
      `DROP INDEX "T x".i`,
    ],
    says: /was dropped/,
    fix: /REPLICA IDENTITY FULL/,
  },
  {
    what: "a key on a generated column",
    setup: [`${generated} PRIMARY KEY)`],
    says: /generated column/,
    fix: /REPLICA IDENTITY FULL/,
    until: 16,
  },
  {
    what: "a key on a generated column, where whole rows are refused",
    setup: [`${generated} PRIMARY KEY)`],
    says: /generated column/,
    fix: /ADD COLUMN .* UNIQUE;.*USING INDEX/,
    since: 18,
  },
  {
    what: "whole rows with a generated column, and a primary key",
    setup: [`${generated}, PRIMARY KEY (a))`, `ALTER TABLE ${table} REPLICA IDENTITY FULL`],
    says: /refuses to publish/,
    fix: /REPLICA IDENTITY DEFAULT/,
    since: 18,
  },
  {
    what: "whole rows with a generated column, and no key",
    setup: [`${generated})`, `ALTER TABLE ${table} REPLICA IDENTITY FULL`],
    says: /refuses to publish/,
    fix: /ADD COLUMN .* PRIMARY KEY/,
    since: 18,
  },
  {
    what: "a partitioned table without a key",
    setup: parts("a int"),
    says: /not all of its partitions have REPLICA IDENTITY FULL/,
    fix: /pg_partition_tree/,
  },
  {
    what: "a partitioned table without a key and one partition that lacks whole rows",
    setup: [...parts("a int"), "ALTER TABLE p2 REPLICA IDENTITY FULL"],
    says: /not all of its partitions have REPLICA IDENTITY FULL/,
    fix: /^ALTER TABLE "T \d+"."p1" REPLICA IDENTITY FULL;$/,
  },
  {
    what: "a partitioned table without partitions and key",
    setup: [`CREATE TABLE ${table} (a int) PARTITION BY RANGE (a)`],
    says: /no primary key/,
    fix: /REPLICA IDENTITY FULL/,
    after: [
      `CREATE TABLE "T x".p1 PARTITION OF ${table} FOR VALUES FROM (0) TO (100)`,
      `ALTER TABLE "T x".p1 REPLICA IDENTITY FULL`,
    ],
  },
  {
    what: "a partition that sends nothing",
    setup: [...parts("a int PRIMARY KEY"), "ALTER TABLE p1 REPLICA IDENTITY NOTHING"],
    says: /A partition/,
    fix: /^ALTER TABLE "T \d+"."p1" REPLICA IDENTITY DEFAULT;$/,
  },
  {
    what: "partitions with whole rows and a generated column, and a primary key",
    setup: [
      ...parts("a int PRIMARY KEY, g int GENERATED ALWAYS AS (a + 1) STORED"),
      "ALTER TABLE p1 REPLICA IDENTITY FULL",
    ],
    says: /refuses to publish/,
    fix: /^ALTER TABLE "T \d+"."p1" REPLICA IDENTITY DEFAULT;$/,
    since: 18,
  },
  {
    what: "whole rows of partitions that are older than a default",
    setup: [
      ...parts("a int"),
      `INSERT INTO ${table} VALUES (50), (150)`,
      `ALTER TABLE ${table} ADD COLUMN d int DEFAULT 3`,
      "ALTER TABLE p1 REPLICA IDENTITY FULL",
      "ALTER TABLE p2 REPLICA IDENTITY FULL",
    ],
    says: /before version 15/,
    fix: /VACUUM FULL/,
    until: 14,
  },
  {
    what: "an unlogged table",
    setup: [`CREATE UNLOGGED TABLE ${table} (a int PRIMARY KEY)`],
    says: /is unlogged/,
    fix: /SET LOGGED/,
  },
  {
    what: "unlogged partitions",
    setup: [
      `CREATE TABLE ${table} (a int PRIMARY KEY) PARTITION BY RANGE (a)`,
      `CREATE UNLOGGED TABLE p1 PARTITION OF ${table} FOR VALUES FROM (0) TO (100)`,
      `CREATE UNLOGGED TABLE p2 PARTITION OF ${table} FOR VALUES FROM (100) TO (200)`,
    ],
    says: /unlogged or foreign partitions/,
    fix: /SET LOGGED;.*SET LOGGED;/,
  },
  {
    what: "no column",
    setup: [`CREATE TABLE ${table} ()`, `ALTER TABLE ${table} REPLICA IDENTITY FULL`],
    says: /no column/,
    fix: /ADD COLUMN/,
  },
];

describe.each([14, 18] as PostgresVersion[])("PostgreSQL %i", (version) => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await TestPostgres.start({ version, settings: { max_replication_slots: "60" } });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  const cases = refused.filter(({ since = 0, until = 99 }) => since <= version && version <= until);

  test("a table that is refused comes back after the statement that the refusal gives", async () => {
    const database = await TestDatabase.make(server);
    for (const [index, { setup }] of cases.entries())
      await database.run(`CREATE SCHEMA ${schemaOf(index)}`, ...setup.map((each) => inSchema(each, index)));
    await using run = await database.stream();
    const names = cases.map((_, index) => `T ${index}.t"t`);
    await run.until("the failures", () => names.every((name) => run.model.phase(name)?.kind === "failed"));
    const findings = await postgres.check(run.request, new AbortController().signal);
    for (const [index, refusal] of cases.entries()) {
      const phase = run.model.phase(names[index] ?? "");
      const finding = findings.find(({ subject }) => subject === names[index]);
      expect(phase, refusal.what).toMatchObject({ reason: { message: finding?.message, fix: finding?.fix } });
      expect(finding?.message, refusal.what).toMatch(refusal.says);
      expect(finding?.fix, refusal.what).toMatch(refusal.fix);
      await database.run("SET search_path = pg_catalog", finding?.fix ?? "");
      await database.run(...(refusal.after ?? []).map((each) => inSchema(each, index)));
    }
    await run.synced(...names);
    for (const [index] of cases.entries()) {
      const [column] = run.model.columns(names[index] ?? "");
      const [overriding, next] = column === "a" ? ["", "a + 10"] : ["OVERRIDING SYSTEM VALUE", "DEFAULT"];
      const changes = [
        `INSERT INTO ${table} (${column}) ${overriding} VALUES (1), (2), (3)`,
        `UPDATE ${table} SET ${column} = ${next} WHERE ${column} = 1`,
        `DELETE FROM ${table} WHERE ${column} = 2`,
      ];
      await database.run(...changes.map((each) => inSchema(each, index)));
    }
    expect(await run.differences()).toEqual([]);
    await run.synced(...names);
    expect(run.model.events.filter((event) => event.startsWith("failed"))).toHaveLength(cases.length);
  });

  const whole = ["ALTER TABLE p1 REPLICA IDENTITY FULL", "ALTER TABLE p2 REPLICA IDENTITY FULL"];
  const fullRoot = `ALTER TABLE ${table} REPLICA IDENTITY FULL`;
  const columns = "a int, b text, c int DEFAULT 7";
  test.each([
    [
      "whole rows of a root and its partitions",
      [...parts(`${columns}, PRIMARY KEY (a)`), fullRoot, ...whole],
    ],
    ["whole rows of a root alone", [...parts(`${columns}, PRIMARY KEY (a)`), fullRoot]],
    ["whole rows of a partition alone", [...parts(`${columns}, PRIMARY KEY (a)`), whole[0] ?? ""]],
    [
      "REPLICA IDENTITY NOTHING of a root alone",
      [...parts(`${columns}, PRIMARY KEY (a)`), `ALTER TABLE ${table} REPLICA IDENTITY NOTHING`],
    ],
    ["whole rows without a key", [...parts(columns), fullRoot, ...whole]],
    ["whole rows of partitions without a key", [...parts(columns), ...whole]],
  ])("a partitioned table with %s is replicated", async (_, setup) => {
    const hasKey = setup.some((statement) => statement.includes("PRIMARY KEY"));
    const database = await TestDatabase.make(server);
    await database.run(
      'CREATE SCHEMA "T x"',
      'SET search_path = "T x"',
      ...setup,
      `INSERT INTO ${table} SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, 150) i`,
    );
    await using run = await database.stream();
    const name = 'T x.t"t';
    await run.synced(name);
    await database.run(
      `ALTER TABLE ${table} ADD COLUMN d int${hasKey || version >= 15 ? " DEFAULT 3" : ""}`,
      `UPDATE ${table} SET c = c + 1 WHERE a % 3 = 0`,
      `UPDATE ${table} SET a = a + 1 WHERE a = 150`,
      `UPDATE ${table} SET a = 160 WHERE a = 50`,
      `UPDATE ${table} SET a = 50 WHERE a = 120`,
      `DELETE FROM ${table} WHERE a % 7 = 0`,
      `ALTER TABLE "T x".p2 REPLICA IDENTITY FULL`,
      `UPDATE ${table} SET b = 'x' WHERE a > 130`,
      `TRUNCATE ${table}`,
      `INSERT INTO ${table} (a, c) VALUES (1, 1), (101, 1)${hasKey ? "" : ", (101, NULL)"}`,
      `UPDATE ${table} SET c = 2 WHERE c IS NULL`,
      `DELETE FROM ${table} WHERE a = 1`,
    );
    expect(await run.differences()).toEqual([]);
    await run.synced(name);
    expect(await run.differences()).toEqual([]);
  });
});
