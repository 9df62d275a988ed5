import { Kysely, Migrator, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { CodedError, messageOf } from "../../base/errors.ts";
import { DirectoryLock } from "../../base/directory-lock.ts";
import { logger } from "../../base/log.ts";
import { openEmbedded } from "./embedded.ts";
import { migrations } from "./migrations.ts";
import { pgliteDialect } from "./pglite-dialect.ts";
import { catalogSchema, type CatalogTables } from "./schema.ts";

/** Where a catalog is stored. */
export type CatalogLocation =
  /** Embedded, in a directory of its own. */
  | { readonly kind: "directory"; readonly directory: string }
  /** A PostgreSQL server, version 14 or later, on which at most 8 connections are used. The URL contains a secret. */
  | { readonly kind: "server"; readonly url: string };

export type CatalogDatabase = Kysely<CatalogTables>;

export interface OpenDatabase {
  readonly db: CatalogDatabase;
  readonly close: () => Promise<void>;
}

const log = logger("catalog");

/** Opens the database of a catalog and brings its tables up to date. Throws `CodedError`. */
export async function openDatabase(location: CatalogLocation): Promise<OpenDatabase> {
  const open = location.kind === "directory" ? await openDirectory(location) : openServer(location);
  try {
    await checkEncoding(open.db);
    await migrate(open.db);
    return { ...open, db: open.db.withSchema(catalogSchema) };
  } catch (error) {
    await open.close();
    if (error instanceof CodedError) throw error;
    throw failed("The catalog cannot be opened", error);
  }
}

async function openDirectory({ directory }: { readonly directory: string }): Promise<OpenDatabase> {
  const lock = await DirectoryLock.take(directory);
  try {
    const db = new Kysely<CatalogTables>({ dialect: pgliteDialect(await openEmbedded(directory)) });
    return {
      db,
      close: async () => {
        await db.destroy();
        await lock[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw failed(`The catalog in ${directory} cannot be opened`, error);
  }
}

function openServer({ url }: { readonly url: string }): OpenDatabase {
  // Not passed on as a cause: the error for a URL that cannot be parsed contains the URL, and thus a password.
  if (!URL.canParse(url)) throw new CodedError("CONFIGURATION", "The URL of the catalog is not a valid URL.");
  const pool = new pg.Pool({
    connectionString: url,
    application_name: "zeroetl catalog",
    max: 8,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  // An idle connection broke; the pool creates another one.
  pool.on("error", (error) =>
    log.warn({ reason: messageOf(error) }, "an idle connection to the catalog broke"),
  );
  const db = new Kysely<CatalogTables>({ dialect: new PostgresDialect({ pool }) });
  return { db, close: () => db.destroy() };
}

async function checkEncoding(db: CatalogDatabase): Promise<void> {
  const { rows } = await sql<{
    encoding: string;
  }>`SELECT current_setting('server_encoding') AS encoding`.execute(db);
  const encoding = rows[0]?.encoding;
  if (encoding !== "UTF8")
    throw new CodedError("CONFIGURATION", `The catalog's database has encoding ${encoding} instead of UTF8.`);
}

async function migrate(db: CatalogDatabase): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    migrationTableSchema: catalogSchema,
  });
  const { error } = await migrator.migrateToLatest();
  // Kysely's message for migrations that have been run but that this version does not know.
  if (/previously executed migration/.test(messageOf(error)))
    throw new CodedError(
      "CATALOG_FAILED",
      "The catalog was last opened by a newer version of zeroetl: use that one, or a copy of data_dir from before.",
      { cause: error },
    );
  if (error !== undefined) throw failed("The catalog's tables cannot be brought up to date", error);
}

function failed(what: string, cause: unknown): CodedError {
  return new CodedError("CATALOG_FAILED", `${what}: ${messageOf(cause)}`, { cause });
}
