import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadConfiguration, type Configuration, type SettingsInput } from "../../src/config/config.ts";
import { configurableEngines } from "../../src/service/engines.ts";
import { TemporaryDirectory } from "./temporary.ts";

/** The configuration of a file with these settings. Paths in them are absolute: the file is gone afterwards. */
export async function configurationOf(
  settings: SettingsInput,
  engines = configurableEngines,
): Promise<Configuration> {
  await using directory = await TemporaryDirectory.make();
  const file = join(directory.path, "zeroetl.yaml");
  // JSON is YAML.
  await writeFile(file, JSON.stringify(settings), { mode: 0o600 });
  return await loadConfiguration({ file, variables: {}, engines });
}
