import type { Endpoint } from "../model/resources.ts";

/** What a configuration calls the kinds of source. */
export const sourceEngineNames = [
  "postgres",
  "aurora-postgresql",
  "mysql",
  "mariadb",
  "aurora-mysql",
] as const;

type SourceEngineName = (typeof sourceEngineNames)[number];

const defaultPorts: Readonly<Record<SourceEngineName, number>> = {
  postgres: 5432,
  "aurora-postgresql": 5432,
  mysql: 3306,
  mariadb: 3306,
  "aurora-mysql": 3306,
};

/** Host and port of a connection string; its parameters of these names are stronger, as for the drivers. */
export function endpointOf(engine: SourceEngineName, text: string): Endpoint | undefined {
  if (!URL.canParse(text)) return undefined;
  const { hostname, port, searchParams } = new URL(text);
  const host = searchParams.get("host") ?? hostname.replace(/^\[|\]$/g, "");
  const number = Number(searchParams.get("port") ?? (port === "" ? defaultPorts[engine] : port));
  const isOfNetwork = /^[A-Za-z0-9._:-]+$/.test(host) && Number.isInteger(number);
  return isOfNetwork ? { host, port: number } : undefined;
}

/** As libpq finds it: without a path, the database that is called like the user. */
export function databaseOf(engine: SourceEngineName, text: string): string | undefined {
  if (defaultPorts[engine] !== defaultPorts.postgres || !URL.canParse(text)) return undefined;
  const { pathname, username } = new URL(text);
  const name = pathname.slice(1) || username || "postgres";
  try {
    return decodeURIComponent(name);
  } catch {
    // A stray `%`, which the engine refuses with the place in the file.
    return undefined;
  }
}
