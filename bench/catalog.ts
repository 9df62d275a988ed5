import { readFile } from "node:fs/promises";
import { TestPostgres, type PostgresVersion } from "../test/support/postgres.ts";
import { readTableTexts } from "../src/source/postgres/catalog/catalog-table.ts";
import { Session } from "../src/source/postgres/connection/session.ts";
import { print, round } from "./report.ts";

export interface CatalogOptions {
  readonly tables: number;
  readonly partitions: number;
  readonly looks: number;
  readonly version: PostgresVersion;
}

const batch = 500;

/** What a look at the catalog costs the source: time of its processor, as the kernel counts it for the server's process. */
export async function benchCatalog({ tables, partitions, looks, version }: CatalogOptions): Promise<void> {
  await using server = await TestPostgres.start({ version, settings: { max_locks_per_transaction: "1024" } });
  for (let first = 0; first < tables; first += batch)
    await server.run(tablesSql(first, Math.min(first + batch, tables)));
  if (partitions > 0) await server.run(partitionsSql(partitions));
  await server.run("VACUUM ANALYZE");
  await using session = await Session.open(
    { url: server.url(), database: "postgres" },
    new AbortController().signal,
  );
  const look = () => readTableTexts(session, { publication: "none" });
  const found = (await look()).length;
  const before = await cpuMs(session.backend);
  for (let count = 0; count < looks; count += 1) await look();
  const ms = ((await cpuMs(session.backend)) - before) / looks;
  const per1000 = (ms / found) * 1000;
  print(
    `${found} tables: ${ms.toFixed(1)} ms of the server's processor a look, ${per1000.toFixed(1)} ms for 1,000`,
  );
  print(
    JSON.stringify({
      bench: "catalog",
      version,
      tables: found,
      cpuMs: round(ms),
      cpuMsPer1000: round(per1000),
    }),
  );
}

function tablesSql(from: number, to: number): string {
  return `DO $$ BEGIN FOR i IN ${from}..${to - 1} LOOP EXECUTE format(
    'CREATE TABLE t%s (id bigint PRIMARY KEY, a int NOT NULL, b text, c numeric(10,2), d timestamptz DEFAULT now(),
       e jsonb, f boolean, g uuid, h date, i varchar(40))', i); END LOOP; END $$`;
}

function partitionsSql(count: number): string {
  return `CREATE TABLE root (id bigint PRIMARY KEY, v text) PARTITION BY HASH (id);
    DO $$ BEGIN FOR i IN 0..${count - 1} LOOP EXECUTE format(
      'CREATE TABLE root_%s PARTITION OF root FOR VALUES WITH (MODULUS ${count}, REMAINDER %s)', i, i); END LOOP; END $$;
    INSERT INTO root SELECT i, i FROM generate_series(1, 10000) i;
    ALTER TABLE root ADD COLUMN missing int DEFAULT 7`;
}

/** User and system time of a process: proc(5), /proc/pid/stat, fields 14 and 15 in hundredths of a second. */
async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
