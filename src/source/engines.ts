import type { SourceEngine } from "./source.ts";

/** The kinds of source database, by the name that a configuration gives as `engine`. */
export const sourceEngines: Readonly<Record<string, SourceEngine>> = {};
