import type { z } from "zod";
import { duckdb } from "./duckdb/engine.ts";
import type { TargetEngine } from "./target.ts";

/** The kinds of warehouse, by the name that a configuration specifies as `engine`. */
export const targetEngines: Readonly<Record<string, TargetEngine>> = { duckdb };

/** What the configuration needs to know of them. */
export const targetSettings: Readonly<Record<string, z.ZodObject>> = Object.fromEntries(
  Object.entries(targetEngines).map(([name, { settings }]) => [name, settings]),
);
