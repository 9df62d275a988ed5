import { expect, test } from "vitest";
import { TestPostgres } from "../../../test/support/postgres.ts";
import { TestDatabase } from "../../../test/support/stream-run.ts";

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
