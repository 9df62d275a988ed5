import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addedColumns } from "../../../../test/support/added-columns.ts";
import { sampleSetup } from "../../../../test/support/pg-samples.ts";
import { TestPostgres, type PostgresVersion } from "../../../../test/support/postgres.ts";
import { TestDatabase, type StreamRun } from "../../../../test/support/stream-run.ts";

const readable = [
  "CREATE TABLE readable (id int PRIMARY KEY)",
  "INSERT INTO readable SELECT generate_series(1, 10)",
];

describe.each([14, 16, 18] as PostgresVersion[])("PostgreSQL %i", (version) => {
  const all = addedColumns(version);
  let server: TestPostgres;
  beforeAll(async () => {
    server = await TestPostgres.start({ version });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  function copiesOf(run: StreamRun, table: string): number {
    return run.model.events.filter((event) => event === `copy-started public.${table}`).length;
  }

  test("existing rows have the default of a new column of any type, without a new copy", async () => {
    const database = await TestDatabase.make(server);
    await database.run(...sampleSetup, ...all.flatMap(({ create }) => create));
    await using run = await database.stream();
    await run.synced(...all.map(({ table }) => `public.${table}`));
    await database.run(...all.map(({ alter }) => alter));
    await run.until("the new columns", () =>
      all.every(({ table }) => run.model.columns(`public.${table}`).length > 1),
    );
    await run.synced(...all.map(({ table }) => `public.${table}`));
    expect(await run.differences()).toEqual([]);
    const copiedAgain = all.filter(({ table }) => copiesOf(run, table) > 1).map(({ type }) => type);
    expect(copiedAgain).toEqual(all.filter(({ isRewritten }) => isRewritten).map(({ type }) => type));
  });

  test("a default that PostgreSQL cannot send fails its table alone", async () => {
    const database = await TestDatabase.make(server);
    await database.run(
      ...readable,
      "CREATE TYPE with_acl AS (a aclitem)",
      "CREATE TABLE t (id int PRIMARY KEY)",
    );
    await using run = await database.stream();
    await run.synced("public.readable", "public.t");
    await database.run(
      "ALTER TABLE t ADD c with_acl DEFAULT ROW (makeaclitem(10, 10, 'SELECT', false))::with_acl",
      "ALTER TABLE readable ADD c int DEFAULT 7",
    );
    await run.until("a failed table", () => run.model.phase("public.t")?.kind === "failed");
    await run.until("the column", () => run.model.columns("public.readable").join() === "id,c");
    expect(await run.differences()).toEqual([]);
  });
});
