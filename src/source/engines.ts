import { postgres } from "./postgres/engine.ts";
import type { SourceEngine } from "./source.ts";

/** Source engines by the name that a configuration uses for them. */
export const sourceEngines: Readonly<Record<string, SourceEngine>> = { postgres };
