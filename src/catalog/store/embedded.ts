import { access, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { DiskReserve } from "./disk-reserve.ts";
import { DurableNodeFs } from "./durable-node-fs.ts";

const startParams = [
  ...PGlite.defaultStartParams.filter((parameter) => parameter !== "-F"),
  // The other methods do not reach the file system below PGlite.
  "-c",
  "wal_sync_method=fsync",
  // The default of 128 MB is resident from the start, and a catalog has a few.
  "-c",
  "shared_buffers=8MB",
];

/**
 * Opens the embedded PostgreSQL in a directory, created if it does not exist. The caller holds the directory's lock:
 * PGlite itself would admit two processes. Takes a few seconds the first time.
 */
export async function openEmbedded(directory: string): Promise<PGlite> {
  const data = join(directory, "data");
  if (!(await exists(data))) await initialise(directory, data);
  const reserve = new DiskReserve(directory);
  reserve.restore();
  return start(data, reserve);
}

/** All or nothing: if power fails while the cluster is being created, it is created again. */
async function initialise(directory: string, data: string): Promise<void> {
  const unfinished = join(directory, "data.unfinished");
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  const database = await start(unfinished);
  await database.close();
  await syncTree(unfinished);
  await rename(unfinished, data);
  await syncPath(directory);
}

async function start(data: string, reserve?: DiskReserve): Promise<PGlite> {
  return PGlite.create({ fs: new DurableNodeFs(data, reserve), startParams });
}

async function syncTree(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true }))
    if (entry.isFile() || entry.isDirectory()) await syncPath(join(entry.parentPath, entry.name));
  await syncPath(directory);
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
