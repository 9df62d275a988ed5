import { assert } from "../base/assert.ts";
import type { EngineKinds } from "../model/engine-kinds.ts";
import { postgres } from "./postgres/engine.ts";
import type { SourceEngine } from "./source.ts";

export const sourceEngines: readonly SourceEngine[] = [postgres];

/** The kinds of databases that the engines read. Each is read by one engine. */
export function kindsOf(engines: readonly SourceEngine[]): EngineKinds {
  const kinds = engines.flatMap((engine) => Object.entries(engine.kinds));
  const names = new Set(kinds.map(([name]) => name));
  assert(names.size === kinds.length, "each kind of database is read by one engine");
  return Object.fromEntries(kinds);
}
