import { CodedError, messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { Service } from "../../service/service.ts";
import { configurationOfFlags, type CommandContext, type CommonFlags } from "../context.ts";
import { onHangup } from "../hangup.ts";
import { untilAborted } from "../signals.ts";

const log = logger("serve");

/**
 * `zeroetl serve`: runs until the first SIGINT or SIGTERM, then shuts down cleanly. SIGHUP reloads the configuration.
 */
export async function serve({ flags, signal }: CommandContext): Promise<number> {
  const configuration = await configurationOfFlags(flags);
  {
    await using service = await Service.start(configuration, signal);
    let reloading = Promise.resolve();
    using _hangup = onHangup(() => {
      reloading = reloading.then(() => reload(service, flags));
    });
    await Promise.race([untilAborted(signal), service.failed]);
    await reloading;
    log.info("The service stops");
  }
  log.info("The service has stopped");
  return 0;
}

/** Never throws: an invalid configuration must not end a running service. */
async function reload(service: Service, flags: CommonFlags): Promise<void> {
  try {
    const changes = service.reload(await configurationOfFlags(flags));
    log.info(changes, "The configuration was reloaded");
  } catch (error) {
    const code = error instanceof CodedError ? error.code : undefined;
    log.error(
      { code, reason: messageOf(error) },
      "The configuration was not reloaded; the previous one remains in effect",
    );
  }
}
