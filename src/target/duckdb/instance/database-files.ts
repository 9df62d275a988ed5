import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "../../../base/errors.ts";
import { logger } from "../../../base/log.ts";
import type { Origin, StreamIdentity } from "../../target.ts";
import type { DuckDb } from "./duck-db.ts";
import { isDead, writeFailure } from "./duck-errors.ts";
import { fileOf, isDatabaseFile, nameOf } from "./file-names.ts";
import { isReserved, ownDatabase } from "../tables/reserved-names.ts";
import { folded } from "./sql-text.ts";

const log = logger("duckdb");

/** A destination database, or a file that could be one. */
export interface KnownDatabase {
  readonly name: string;
  /** Undefined for a database that its stream has released. */
  readonly stream: StreamIdentity | undefined;
  readonly origin: Origin | undefined;
  /** As in `Ownership`. */
  readonly isVacant: boolean;
  readonly hasLeftRows: boolean;
  /** Why the file cannot be used at present. */
  readonly trouble?: string;
}

export interface RunningDuckDb {
  readonly duck: DuckDb;
  /** By folded name, without the user's own database. */
  readonly known: Map<string, KnownDatabase>;
}

/**
 * Starts DuckDB with every file of the directory attached. A file that cannot be used is skipped: it must not affect
 * the others, not even by crashing DuckDB.
 */
export async function startDuckDb(start: () => Promise<DuckDb>): Promise<RunningDuckDb> {
  const unusable = new Map<string, string>();
  for (;;) {
    const duck = await start();
    try {
      await duck.attach(fileOf(ownDatabase), ownDatabase);
      const known = await attachAll(duck, unusable);
      if (known !== undefined) return { duck, known };
    } catch (error) {
      await duck.close();
      throw error;
    }
    await duck.close();
  }
}

/** Undefined when a file has crashed DuckDB; that file is then listed in `unusable`. */
async function attachAll(
  duck: DuckDb,
  unusable: Map<string, string>,
): Promise<Map<string, KnownDatabase> | undefined> {
  const known = new Map<string, KnownDatabase>();
  const files = (await readdir(duck.directory)).filter(
    (file) => isDatabaseFile(file) && file !== fileOf(ownDatabase),
  );
  for (const file of files.toSorted()) {
    try {
      const found = unusable.has(file) ? undefined : await attachFile(duck, file);
      if (found !== undefined) known.set(folded(found.name), found);
    } catch (error) {
      const reason = writeFailure(error).message;
      log.error({ file: join(duck.directory, file), reason }, "A database file cannot be opened");
      unusable.set(file, reason);
      if (await isDown(duck)) return undefined;
    }
    const trouble = unusable.get(file);
    if (trouble === undefined) continue;
    const name = nameOf(file);
    const nothingKnown = { stream: undefined, origin: undefined, isVacant: false, hasLeftRows: false };
    known.set(folded(name), { name, ...nothingKnown, trouble });
  }
  return known;
}

/** Undefined for a file that was created but never filled: it is created again when its name is requested. */
async function attachFile(duck: DuckDb, file: string): Promise<KnownDatabase | undefined> {
  // The name under which it was created is stored inside.
  const passing = `_zeroetl_${file}`;
  await duck.attach(file, passing);
  const ownership = await duck.ownership(passing);
  await duck.detach(passing);
  if (ownership !== undefined && isReserved(ownership.name))
    throw new CodedError(
      "DATABASE_NAME_TAKEN",
      `The warehouse needs the name ${JSON.stringify(ownership.name)}.`,
    );
  if (ownership !== undefined) await duck.attach(file, ownership.name);
  return ownership;
}

async function isDown(duck: DuckDb): Promise<boolean> {
  try {
    await duck.ownership(ownDatabase);
    return false;
  } catch (error) {
    return isDead(error);
  }
}
