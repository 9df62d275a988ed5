import { expect, test } from "vitest";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { TestDatabase } from "../../../../test/support/stream-run.ts";

test("a table that cannot be read is told with what to grant, and the others are compared", async () => {
  await using server = await TestPostgres.start();
  const database = await TestDatabase.make(server);
  const names = ["revoked", "given", "secured", "hidden.h", "dropped", "z"];
  const user = '"r x"';
  await database.run(
    `CREATE ROLE ${user} LOGIN REPLICATION PASSWORD 'secret'`,
    "CREATE ROLE other",
    `GRANT CREATE ON DATABASE ${database.name} TO ${user}`,
    "CREATE SCHEMA hidden",
    ...names.flatMap((name) => [
      `CREATE TABLE ${name} (id int PRIMARY KEY)`,
      `INSERT INTO ${name} VALUES (1)`,
      `ALTER TABLE ${name} OWNER TO ${user}`,
    ]),
    `GRANT USAGE ON SCHEMA hidden TO ${user}`,
  );
  await using run = await database.stream({ user: "r x" });
  const streamed = names.map((name) => (name.includes(".") ? name : `public.${name}`));
  await run.synced(...streamed);
  await database.run(
    `REVOKE SELECT ON revoked FROM ${user}`,
    "ALTER TABLE given OWNER TO other",
    "ALTER TABLE secured ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE secured FORCE ROW LEVEL SECURITY",
    `REVOKE USAGE ON SCHEMA hidden FROM ${user}`,
  );

  const outcomes = async (meanwhile: readonly string[]): Promise<Record<string, string>> => {
    await using standstill = await run.source.standstill(new AbortController().signal);
    await database.run(...meanwhile);
    const found: Record<string, string> = {};
    for (const { definition } of run.model.progress.tables) {
      const reading = await standstill.digest(definition, new AbortController().signal);
      found[definition.name.table] =
        reading.kind === "read"
          ? `${reading.digest.rows} row`
          : `${reading.reason.code} ${reading.reason.fix}`;
    }
    return found;
  };
  expect(await outcomes(["DROP TABLE dropped"])).toEqual({
    revoked: 'TABLE_PRIVILEGE GRANT SELECT ON TABLE public.revoked TO "r x";',
    given: 'TABLE_PRIVILEGE GRANT SELECT ON TABLE public.given TO "r x";',
    secured: 'TABLE_ROW_SECURITY ALTER ROLE "r x" BYPASSRLS;',
    h: 'TABLE_PRIVILEGE GRANT USAGE ON SCHEMA hidden TO "r x";',
    dropped: "TABLE_MISSING Compare again.",
    z: "1 row",
  });
  await database.run(
    'GRANT SELECT ON TABLE public.revoked TO "r x"',
    'GRANT SELECT ON TABLE public.given TO "r x"',
    'ALTER ROLE "r x" BYPASSRLS',
    'GRANT USAGE ON SCHEMA hidden TO "r x"',
  );
  const again = await outcomes([]);
  expect(
    Object.entries(again).filter(([name, outcome]) => name !== "dropped" && outcome !== "1 row"),
  ).toEqual([]);
});

test("long values are compared by their hashes, at lengths on both sides of the limit", async () => {
  await using server = await TestPostgres.start();
  const database = await TestDatabase.make(server);
  await database.run(
    "CREATE DOMAIN blob AS bytea",
    "CREATE TABLE long (id int PRIMARY KEY, t text, b bytea, d blob, j jsonb, n numeric, a text[], f float8)",
    `INSERT INTO long SELECT i, repeat('ä', i * 250), decode(repeat('0f', i * 250), 'hex'),
       decode(repeat('aa', 400 + i * 50), 'hex'), to_jsonb(repeat('x', 990 + i)), repeat('9', 990 + i)::numeric,
       ARRAY[repeat('y', 990 + i), NULL], i / 3.0 FROM generate_series(1, 10) AS i`,
    "INSERT INTO long (id, t) VALUES (11, repeat('z', 20000000))",
  );
  await using run = await database.stream();
  await run.synced("public.long");
  expect(await run.differences()).toEqual([]);
  const never = new AbortController().signal;
  await using standstill = await run.source.standstill(never);
  standstill.release();
  const [record] = run.model.progress.tables;
  if (record === undefined) throw new Error("there is one table");
  const [reading, held] = [await standstill.digest(record.definition, never), run.model.digests()];
  expect(reading).toEqual({ kind: "read", digest: held.get("public.long") });
  // A comparison of thousands of tables would fill the server's lock table.
  expect(await database.rows("SELECT FROM pg_locks WHERE relation = 'long'::regclass")).toEqual([]);
  await database.run("UPDATE long SET t = t || 'z' WHERE id = 11");
  await using later = await run.source.standstill(never);
  later.release();
  expect(await later.digest(record.definition, never)).not.toEqual(reading);
});
