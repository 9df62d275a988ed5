import { duckdb } from "./duckdb/engine.ts";
import type { TargetEngine } from "./target.ts";

/** The kinds of warehouse, by the name that a configuration specifies as `engine`. */
export const targetEngines: Readonly<Record<string, TargetEngine>> = { duckdb };
