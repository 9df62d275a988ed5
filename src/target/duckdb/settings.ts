import { z } from "zod";
import { bytesOf, isSizeFrom, setting, wholeNumber } from "../../model/setting.ts";
import type { DuckDbOptions } from "./instance/duck-db.ts";

const memoryAllowed = "a size of at least 256MB, such as 512MB, 1GB or 1.5GiB";

/** Settings of a target with `engine: duckdb`. */
export const duckDbSettings = z.strictObject({
  memory: setting(
    z.string().refine(isSizeFrom(256e6), `must be ${memoryAllowed}`),
    "How much memory the warehouse uses for its data, at most: what does not fit is spilled to data_dir. The largest row that can be stored has two fifths of it. Default 512MB, or a quarter of the machine's memory where that is less, but at least 256MB.",
    memoryAllowed,
  ).optional(),
  threads: setting(
    wholeNumber(256),
    "How many threads the warehouse uses. Default: one less than the machine has processors, at least 1 and at most 4.",
    "a whole number from 1 to 256",
  ).optional(),
});

/** Of a value that `duckDbSettings` accepts. */
export function optionsOf(settings: unknown): DuckDbOptions {
  const { memory, threads } = duckDbSettings.parse(settings);
  return { memoryBytes: memory === undefined ? undefined : bytesOf(memory), threads };
}
