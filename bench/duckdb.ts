import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** How to get it. The package brings the extension as a file, which needs no network to load. */
export const duckDbInstallation = "pip install duckdb-extension-postgres-scanner==1.5.5";

/** Prints seconds and DuckDB's version. Its own start, and that of Python, are not counted. */
const script = `
import json, os, sys, time
import duckdb, duckdb_extension_postgres_scanner as package
url, file = sys.argv[1:]
extension = os.path.join(os.path.dirname(package.__file__), "extensions",
                         "v" + duckdb.__version__, "postgres_scanner.duckdb_extension")
target = duckdb.connect(file)
target.load_extension(extension)
# A copy of more than two seconds would print it to the standard output.
target.execute("SET enable_progress_bar = false")
started = time.monotonic()
target.execute(f"ATTACH '{url}' AS source (TYPE postgres, READ_ONLY)")
target.execute("CREATE TABLE bench AS FROM source.public.bench")
print(json.dumps({"seconds": time.monotonic() - started, "version": duckdb.__version__}))
`;

export interface DuckDbCopy {
  readonly seconds: number;
  readonly version: string;
}

/** Whether the `python3` of the path has DuckDB with its extension for PostgreSQL. */
export function hasDuckDb(): boolean {
  return spawnSync("python3", ["-c", "import duckdb, duckdb_extension_postgres_scanner"]).status === 0;
}

/** Copies the table `bench` into a new database file by DuckDB's own extension, in a process of its own. */
export async function copyByDuckDb(url: string): Promise<DuckDbCopy> {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-bench-duckdb-"));
  try {
    const parameters = ["-c", script, url, join(directory, "bench.duckdb")];
    const { stdout } = await promisify(execFile)("python3", parameters);
    return JSON.parse(stdout) as DuckDbCopy;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
