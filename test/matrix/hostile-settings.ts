import { CodedError, isErrorCode } from "../../src/base/errors.ts";
import type { TestPostgres } from "../support/postgres.ts";
import { TestDatabase } from "../support/stream-run.ts";
import { until } from "../support/until.ts";
import { postgres } from "../../src/source/postgres/engine.ts";

/** A value that a role's default may give to a setting. */
export interface HostileSetting {
  readonly name: string;
  readonly value: string;
}

interface Setting extends Record<string, unknown> {
  readonly name: string;
  readonly type: "bool" | "enum" | "integer" | "real" | "string";
  readonly values: readonly string[] | null;
  readonly least: string | null;
  readonly most: string | null;
  readonly initial: string | null;
}

/** For texts, where the type does not say what hurts. */
const texts: Readonly<Record<string, readonly string[]>> = {
  search_path: ["evil", ""],
  TimeZone: ["Asia/Kathmandu"],
  DateStyle: ["German, DMY", "SQL, YMD"],
  client_encoding: ["LATIN1", "SQL_ASCII"],
  timezone_abbreviations: ["India"],
};

/** Nothing of ours can make up for these: a library that cannot be loaded, no space for a sort, no time for a statement. */
export const fatal: ReadonlySet<string> = new Set([
  "dynamic_library_path",
  "local_preload_libraries",
  "session_preload_libraries",
  "temp_file_limit",
  "transaction_timeout",
]);

/** Every setting that `ALTER ROLE` can change, with the values that could hurt: the other truth, each name, both ends. */
export async function hostileSettings(server: TestPostgres): Promise<readonly HostileSetting[]> {
  const settings = await server.rows<Setting>(
    `SELECT name, vartype AS type, enumvals AS values, min_val AS least, max_val AS most, boot_val AS initial
     FROM pg_settings WHERE context IN ('user', 'superuser') ORDER BY name`,
  );
  return settings.flatMap((setting) =>
    [...new Set(valuesOf(setting))]
      .filter((value) => value !== setting.initial)
      .map((value) => ({ name: setting.name, value })),
  );
}

function valuesOf({ name, type, values, least, most, initial }: Setting): readonly string[] {
  switch (type) {
    case "bool":
      return [initial === "on" ? "off" : "on"];
    case "enum":
      return values ?? [];
    case "integer":
    case "real":
      // 0 and −1 often mean "none", so that 1 is the least that acts.
      return [least ?? "0", "1", most ?? "0"];
    case "string":
      return texts[name] ?? ["evil"];
  }
}

/** One value of each setting at a time, so that a batch needs as few servers' work as there are values. */
export function batchesOf(settings: readonly HostileSetting[], size: number): HostileSetting[][] {
  const rounds: HostileSetting[][] = [];
  const seen = new Map<string, number>();
  for (const setting of settings) {
    const round = seen.get(setting.name) ?? 0;
    seen.set(setting.name, round + 1);
    (rounds[round] ??= []).push(setting);
  }
  return rounds.flatMap((round) =>
    Array.from({ length: Math.max(1, Math.ceil(round.length / size)) }, (_, index) =>
      round.slice(index * size, (index + 1) * size),
    ),
  );
}

export interface Outcome {
  /** What `ALTER ROLE` itself refuses. */
  readonly refused: number;
  /** Undefined: replication was right. */
  readonly failure: Error | undefined;
}

const user = "hostile";
const rowsSql = `INSERT INTO t SELECT i, i * 1.25, 'v' || i, now() + i * interval '1 hour', i * interval '1 day 1 s',
  (i / 3.0)::float8, decode(md5(i::text), 'hex'), ARRAY[i, NULL], i % 2 = 0
  FROM generate_series`;

export async function makeHostileUser(server: TestPostgres): Promise<void> {
  await server.run(`CREATE ROLE ${user} LOGIN REPLICATION PASSWORD 'secret'`);
}

/** Copies, streams, changes the schema, compares and begins again, as a role with these defaults. */
export async function replicateUnder(
  server: TestPostgres,
  settings: readonly HostileSetting[],
): Promise<Outcome> {
  const database = await TestDatabase.make(server);
  await database.run(
    `GRANT CREATE ON DATABASE ${database.name} TO ${user}`,
    "CREATE SCHEMA evil",
    `CREATE TABLE t (id int PRIMARY KEY, n numeric, v text, at timestamptz, span interval, f float8, b bytea,
       a int[], ok bool)`,
    `ALTER TABLE t OWNER TO ${user}`,
    `${rowsSql}(1, 100) i`,
  );
  let refused = 0;
  for (const { name, value } of settings)
    try {
      await database.run(`ALTER ROLE ${user} IN DATABASE ${database.name} SET ${name} = '${value}'`);
    } catch {
      refused += 1;
    }
  const run = await database.unstarted({ user });
  try {
    await replicate(database, run);
    return { refused, failure: undefined };
  } catch (error) {
    return { refused, failure: error as Error };
  } finally {
    await run[Symbol.asyncDispose]();
    await database.run(`ALTER ROLE ${user} IN DATABASE ${database.name} RESET ALL`);
    await postgres.remove(run.request, new AbortController().signal);
  }
}

async function replicate(
  database: TestDatabase,
  run: Awaited<ReturnType<TestDatabase["unstarted"]>>,
): Promise<void> {
  const findings = await postgres.check(run.request, new AbortController().signal);
  const blocker = findings.find(({ severity }) => severity === "blocks");
  if (blocker !== undefined) {
    const { code, message } = blocker;
    throw isErrorCode(code) ? new CodedError(code, message) : new Error(`${code}: ${message}`);
  }
  await run.start();
  await run.synced("public.t");
  await database.run(
    `${rowsSql}(101, 200) i`,
    "UPDATE t SET v = 'w' WHERE id % 3 = 0",
    "DELETE FROM t WHERE id = 7",
  );
  await database.run("ALTER TABLE t ADD COLUMN late int DEFAULT 7");
  await database.run(
    `CREATE TABLE s (id int PRIMARY KEY); ALTER TABLE s OWNER TO ${user}; INSERT INTO s VALUES (1)`,
  );
  await run.synced("public.s");
  await run.restart();
  await database.run("INSERT INTO s VALUES (2)");
  await run.until("the row", () => run.model.rows("public.s").length === 2);
  // A comparison makes a position at which both sides must be the same.
  const differences = await until("a comparison", () => run.differences(), 60_000);
  if (differences.length > 0) throw new Error(`different: ${differences.join("; ")}`);
}
