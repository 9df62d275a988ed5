import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { messageOf } from "../../base/errors.ts";
import type { Finding } from "../../model/finding.ts";
import type { TargetEngine, WarehouseRequest } from "../target.ts";
import { freeBytes, freeBytesNeeded, spaceLeft } from "./instance/duck-db.ts";
import { duckDbSettings, optionsOf } from "./settings.ts";
import { DuckDbWarehouse } from "./warehouse.ts";

const freeBytesWanted = 1024 ** 3;

async function check({ directory }: WarehouseRequest): Promise<readonly Finding[]> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    return [
      {
        severity: "blocks",
        code: "TARGET_FAILED",
        subject: directory,
        message: `The warehouse's directory cannot be used: ${messageOf(error)}`,
        fix: `Make ${directory} writable for this user, or choose another data_dir.`,
      },
    ];
  }
  const bytes = await freeBytes(directory);
  if (bytes < freeBytesWanted)
    return [
      {
        severity: bytes < freeBytesNeeded ? "blocks" : "warns",
        code: "TARGET_DISK_FULL",
        subject: directory,
        message: spaceLeft(bytes),
        fix: `Free disk space for ${directory}, or choose another data_dir.`,
      },
    ];
  return [
    {
      severity: "fine",
      code: "TARGET",
      subject: directory,
      message: "The warehouse's directory is writable.",
    },
  ];
}

/** DuckDB in this process: one file per destination database. */
export const duckdb: TargetEngine = {
  settings: duckDbSettings,
  atomicity: "database",
  check,
  open: ({ directory, settings }, signal) =>
    DuckDbWarehouse.open({ directory, ...optionsOf(settings) }, signal),
};
