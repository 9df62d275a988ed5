import { loadClientConfiguration, loadConfiguration, type Configuration } from "../config/config.ts";
import { configurableEngines } from "../service/engines.ts";
import { ServiceClient } from "./client.ts";
import { flags } from "./flags.ts";
import type { Terminal } from "./terminal.ts";

/** The flags common to all commands. */
export interface CommonFlags {
  readonly config: string;
  readonly dataDir?: string | undefined;
  readonly debug?: boolean | undefined;
}

/** The input of every command. */
export interface CommandContext {
  readonly flags: CommonFlags;
  readonly terminal: Terminal;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

export async function configurationOfFlags({ config, dataDir }: CommonFlags): Promise<Configuration> {
  return loadConfiguration({ file: config, dataDirectory: dataDir, engines: configurableEngines });
}

/** A client for the service that runs on the data directory in the flags. */
export async function clientOf({ flags: { config, dataDir } }: CommandContext): Promise<ServiceClient> {
  // With a data directory, or with the defaults, a client needs no configuration file.
  const fileMayBeMissing = dataDir !== undefined || config === flags.config.default;
  const request = { file: config, dataDirectory: dataDir, fileMayBeMissing };
  return ServiceClient.open(await loadClientConfiguration(request));
}
