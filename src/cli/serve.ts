import { logger } from "../base/log.ts";
import { Service } from "../service.ts";
import { configurationOfFlags, type CommandContext } from "./context.ts";
import { untilAborted } from "./signals.ts";

const log = logger("serve");

/** `zeroetl serve`: until the first SIGINT or SIGTERM, then stops in order. */
export async function serve({ flags, signal }: CommandContext): Promise<number> {
  const configuration = await configurationOfFlags(flags);
  {
    await using service = await Service.start(configuration, signal);
    await Promise.race([untilAborted(signal), service.failed]);
    log.info("The service stops");
  }
  log.info("The service has stopped");
  return 0;
}
