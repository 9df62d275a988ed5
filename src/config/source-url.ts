import type { EngineKind } from "../model/engine-kinds.ts";
import type { Endpoint } from "../model/resources.ts";

/** Host and port of a connection string; parameters with these names take precedence, as in the drivers. */
export function endpointOf({ defaultPort }: EngineKind, text: string): Endpoint | undefined {
  if (!URL.canParse(text)) return undefined;
  const { hostname, port, searchParams } = new URL(text);
  const host = searchParams.get("host") ?? hostname.replace(/^\[|\]$/g, "");
  const number = Number(searchParams.get("port") ?? (port === "" ? defaultPort : port));
  const isOfNetwork = /^[A-Za-z0-9._:-]+$/.test(host) && Number.isInteger(number);
  return isOfNetwork ? { host, port: number } : undefined;
}

/** As libpq determines it: without a path, the database with the same name as the user. */
export function databaseOf({ defaultDatabase }: EngineKind, text: string): string | undefined {
  if (defaultDatabase === undefined || !URL.canParse(text)) return undefined;
  const { pathname, username } = new URL(text);
  const name = pathname.slice(1) || username || defaultDatabase;
  try {
    return decodeURIComponent(name);
  } catch {
    // A stray `%`, which the engine refuses with the location in the file.
    return undefined;
  }
}
