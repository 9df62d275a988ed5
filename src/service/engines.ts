import type { ConfigurationRequest } from "../config/config.ts";
import { kindsOf, sourceEngines } from "../source/engines.ts";
import { targetSettings } from "../target/engines.ts";

/** What a configuration can name. */
export const configurableEngines: ConfigurationRequest["engines"] = {
  sources: kindsOf(sourceEngines),
  targets: targetSettings,
};
