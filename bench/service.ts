import { ServiceProcess, type ServiceOptions } from "../test/support/service.ts";

/** A service that starts on an existing catalog: to make one takes memory and processor time that no later start takes. */
export async function startOnCatalog(options: ServiceOptions): Promise<ServiceProcess> {
  {
    await using _first = await ServiceProcess.start(options);
  }
  return ServiceProcess.start(options);
}
