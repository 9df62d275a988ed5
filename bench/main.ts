import { Command, Option, InvalidArgumentError } from "commander";
import { isPostgresVersion, type PostgresVersion } from "../test/support/postgres.ts";
import { benchAbuse } from "./abuse.ts";
import { benchApi } from "./api.ts";
import { benchCatalog, type CatalogOptions } from "./catalog.ts";
import { duckDbInstallation } from "./duckdb.ts";
import { benchIdle, type IdleOptions } from "./idle.ts";
import { benchLag } from "./lag.ts";
import { benchSoak } from "./soak.ts";
import { shapes } from "./shapes.ts";
import { benchSnapshot, type SnapshotOptions } from "./snapshot.ts";
import { benchSpread } from "./spread.ts";
import { benchTables } from "./tables.ts";
import { benchValues, valueContents, valuePaths, valueTypes, type ValuesOptions } from "./values.ts";
import { benchStream, type StreamOptions } from "./stream.ts";

const path = searchPath();

function searchPath(): string {
  // oxlint-disable-next-line node/no-process-env -- where the references' programs are, which no setting of zeroetl says
  return process.env["PATH"] ?? "";
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It must be a whole number above 0.");
  return value;
}

function postgresVersion(text: string): PostgresVersion {
  const value = count(text);
  if (!isPostgresVersion(value)) throw new InvalidArgumentError("Servers of this version are not installed.");
  return value;
}

interface LagFlags {
  readonly rate: number;
  readonly seconds: number;
  readonly updates: boolean;
  readonly rows: number;
  readonly runs: number;
}

const list = (text: string): string[] => text.split(",");

const program = new Command("bench").description(
  "Measures zeroetl against a reference in the same run: makes its own PostgreSQL and data, prints a table and one JSON line.",
);

program
  .command("snapshot")
  .description(
    "copying a table, against COPY … (FORMAT binary) > /dev/null and, where it is installed, DuckDB's own extension",
  )
  .addHelpText("after", `\nDuckDB's extension for PostgreSQL is measured after: ${duckDbInstallation}`)
  .addOption(
    new Option("--shape <shape>", "6, 8 or 40 columns; 70, 150 or 1,400 bytes a row")
      .choices(Object.keys(shapes))
      .default("medium"),
  )
  .option("--rows <n>", "rows of the table (default: 5000000; 1000000 wide ones)", count)
  .option("--runs <n>", "runs; the ratio is their median", count, 3)
  .action((options: Omit<SnapshotOptions, "path">) => benchSnapshot({ ...options, path }));

program
  .command("stream")
  .description("catching up with a log, against pg_recvlogical and PostgreSQL's own logical replication")
  .option("--rows <n>", "rows of the table before", count, 5_000_000)
  .option("--changes <n>", "changes in the log", count, 2_000_000)
  .option("--single", "one transaction of inserts instead of many mixed ones", false)
  .option("--runs <n>", "runs; the ratio is their median", count, 3)
  .option("--postgres <version>", "major version of the servers: 14, 16 or 18", postgresVersion, 18)
  .action((options: Omit<StreamOptions, "path">) => benchStream({ ...options, path }));

program
  .command("lag")
  .description("commit at the source to visible in the warehouse, at a steady rate of transactions")
  .option("--rate <n>", "transactions a second", count, 1_000)
  .option("--seconds <n>", "how long", count, 30)
  .option("--updates", "updates scattered over a table instead of inserts into an empty one", false)
  .addOption(
    new Option("--rows <n>", "rows of the table that is updated; implies --updates")
      .argParser(count)
      .default(1_000_000)
      .implies({ updates: true }),
  )
  .option("--runs <n>", "runs; the figures are their medians", count, 3)
  .action(({ rate, seconds, updates, rows, runs }: LagFlags) =>
    benchLag({ perSecond: rate, seconds, runs, updatedRows: updates ? rows : undefined }),
  );

program
  .command("catalog")
  .description("the processor's time that a look at the catalog costs the server (Linux)")
  .option("--tables <n>", "tables of ten columns", count, 1_000)
  .option("--partitions <n>", "partitions of one more table", count, 100)
  .option("--looks <n>", "looks to take the mean of", count, 20)
  .option("--postgres <n>", "version of the server", postgresVersion, 18)
  .action(({ postgres, ...options }: Omit<CatalogOptions, "version"> & { postgres: PostgresVersion }) =>
    benchCatalog({ ...options, version: postgres }),
  );

program
  .command("api")
  .description(
    "listing 100 integrations with signed requests, against moto's listing of 100 database instances",
  )
  .option("--seconds <n>", "how long each side is asked", count, 10)
  .option("--connections <n>", "connections that ask at the same time", count, 16)
  .option("--runs <n>", "runs; the ratio is their median", count, 3)
  .action((options: { seconds: number; connections: number; runs: number }) => benchApi(options));

program
  .command("values")
  .description(
    "tables and transactions of large values: whether they arrive, their memory, other tables' lag",
  )
  .option("--sizes <list>", "sizes of values", list, [
    "1kB",
    "32kB",
    "100kB",
    "1MB",
    "10MB",
    "50MB",
    "200MB",
    "500MB",
  ])
  .option("--total <MB>", "size of a table, and of a transaction", count, 2_000)
  .option("--types <list>", "types of values", list, [...valueTypes])
  .option("--paths <list>", "how they come", list, [...valuePaths])
  .option("--contents <list>", "what is in them", list, [...valueContents])
  .option("--memory <list>", "the target's memory", list, ["512MB", "1GB", "4GB"])
  .option("--verify", "compare by verify, too", false)
  .action(({ total, ...options }: Omit<ValuesOptions, "totalMB"> & { total: number }) =>
    benchValues({ ...options, totalMB: total }),
  );

program
  .command("soak")
  .description("a shop written to during and after its copy; fails unless source and warehouse are equal")
  .option("--rows <n>", "rows of the shop's 8 tables", count, 1_000_000)
  .option("--rate <n>", "transactions a second", count, 1_000)
  .option("--seconds <n>", "how long it is written to", count, 60)
  .action(({ rows, rate, seconds }: { rows: number; rate: number; seconds: number }) =>
    benchSoak({ rows, perSecond: rate, seconds }),
  );

program
  .command("tables")
  .description("a schema of many small tables: its copy, the cost of an idle stream, a new table, verify")
  .option("--tables <n>", "tables of two rows each", count, 10_000)
  .option("--seconds <n>", "how long the idle service is watched", count, 30)
  .action((options: { tables: number; seconds: number }) => benchTables(options));

program
  .command("idle")
  .description("the processor's time and the memory of a service while nothing happens (Linux)")
  .option("--integrations <n>", "integrations, each of a database of its own", count, 20)
  .option("--tables <n>", "tables of each", count, 10)
  .option("--seconds <n>", "how long it is watched; the first minutes take more", count, 2_400)
  .action((options: IdleOptions) => benchIdle(options));

program
  .command("abuse")
  .description(
    "a reader who means harm: attempts to act or to take everything, and greedy queries beside a stream",
  )
  .option("--rows <n>", "rows of the large table", count, 5_000_000)
  .option("--seconds <n>", "how long greedy queries run beside the stream", count, 60)
  .action((options: { rows: number; seconds: number }) => benchAbuse(options));

program
  .command("spread")
  .description("many tables written by many connections, and the lag of another table meanwhile")
  .option("--tables <n>", "tables that are written to", count, 200)
  .option("--writers <n>", "connections that write", count, 200)
  .option("--seconds <n>", "how long", count, 30)
  .action((options: { tables: number; writers: number; seconds: number }) => benchSpread(options));

await program.parseAsync();
