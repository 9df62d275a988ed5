import { CodedError, messageOf } from "../../base/errors.ts";
import { databasesOf, inScope } from "../../model/data-filter.ts";
import type { SourceEngine, StreamRequest } from "../source.ts";
import { postgresKinds } from "./kinds.ts";
import { namesOf } from "./names.ts";
import { openSource } from "./stream/open-source.ts";
import { checkSource } from "./catalog/preflight.ts";
import { dropPublication } from "./catalog/publication.ts";
import { Session } from "./connection/session.ts";
import { dropSlot } from "./stream/slot.ts";

/** PostgreSQL 14 and later, by logical replication. */
export const postgres: SourceEngine = {
  kinds: postgresKinds,
  validateUrl,
  streams: databasesOf,
  selects: inScope,
  check: checkSource,
  open: openSource,
  remove,
};

/** Unencoded characters make a part of the password look like a part of the host. */
const asPercentCodes =
  "characters of the password that URLs use themselves are written as percent-codes: @ %40, / %2F, # %23, ? %3F, % %25";
/** Excludes libpq's modes that may send everything in the clear. */
const sslModes = ["disable", "require", "verify-ca", "verify-full", "no-verify"];

function validateUrl(url: string): void {
  if (/@[^@/?#]*,[^@/?#]*(?:[/?#]|$)/.test(url) || /[?&]host=[^&]*(?:,|%2c)/i.test(url))
    throw new CodedError(
      "CONFIGURATION",
      "The url of a PostgreSQL source names several hosts; name the primary server alone.",
    );
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (error) {
    throw new CodedError(
      "CONFIGURATION",
      `The url of a PostgreSQL source is not a valid URL; ${asPercentCodes}.`,
      {
        cause: new Error(messageOf(error)),
      },
    );
  }
  if (parsed.protocol !== "postgres:" && parsed.protocol !== "postgresql:")
    throw new CodedError("CONFIGURATION", "The url of a PostgreSQL source must begin with postgres://.");
  if (parsed.hostname === "")
    throw new CodedError("CONFIGURATION", "The url of a PostgreSQL source must name a host.");
  if (parsed.username === "")
    throw new CodedError("CONFIGURATION", "The url of a PostgreSQL source must name a user.");
  if (parsed.hash !== "" || `${parsed.pathname}${parsed.search}`.includes("@"))
    throw new CodedError(
      "CONFIGURATION",
      `The url of a PostgreSQL source has a "#" or "@" behind its host; ${asPercentCodes}.`,
    );
  const mode = parsed.searchParams.get("sslmode");
  if (mode !== null && !sslModes.includes(mode))
    throw new CodedError(
      "CONFIGURATION",
      `The sslmode of a PostgreSQL source must be one of ${sslModes.join(", ")}; verify-full takes sslrootcert=FILE for a CA of your own.`,
    );
  if (mode === "verify-ca" && !parsed.searchParams.has("sslrootcert"))
    throw new CodedError("CONFIGURATION", "sslmode=verify-ca needs sslrootcert=FILE; or use verify-full.");
}

async function remove(request: StreamRequest, signal: AbortSignal): Promise<void> {
  const { slot, copySlot, publication } = namesOf(request.integrationId, request.database);
  const session = await connected(request, signal);
  if (session === undefined) return;
  await using _ = session;
  await dropSlot(session, slot, signal);
  await dropSlot(session, copySlot, signal);
  await dropPublication(session, publication);
}

/** Undefined if the database no longer exists, and with it its slots and publications. */
async function connected(request: StreamRequest, signal: AbortSignal): Promise<Session | undefined> {
  try {
    return await Session.open(request, signal);
  } catch (error) {
    if (error instanceof CodedError && error.code === "SOURCE_DATABASE_MISSING") return undefined;
    throw error;
  }
}
