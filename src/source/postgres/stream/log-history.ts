import { CodedError } from "../../../base/errors.ts";
import { formatLsn, parseLsn, type LogIdentity, type LogPosition, type Lsn } from "./lsn.ts";
import type { Session } from "../connection/session.ts";

/** Which log a walsender reads, and where it ends. */
export interface ServerLog extends LogIdentity {
  readonly end: Lsn;
}

export async function readLogIdentity(walsender: Session): Promise<ServerLog> {
  const row = await walsender.row<{ systemid: string; timeline: string | number; xlogpos: string }>(
    "IDENTIFY_SYSTEM",
  );
  return { system: row.systemid, timeline: Number(row.timeline), end: parseLsn(row.xlogpos) };
}

/**
 * Makes sure that the server's log contains what was read up to `held`: that it is the same cluster, has not been
 * restored to an earlier time, and, if it was promoted, was promoted after that position. Throws `CodedError`
 * SOURCE_REPLACED.
 */
export async function assertTimeline(
  { walsender, identity }: { readonly walsender: Session; readonly identity: ServerLog },
  held: LogPosition,
): Promise<void> {
  if (identity.system !== held.system)
    throw replaced(`its system identifier is ${identity.system} instead of ${held.system}`);
  if (identity.end < held.lsn)
    throw replaced(`its log ends at ${formatLsn(identity.end)}, before ${formatLsn(held.lsn)}`);
  if (identity.timeline === held.timeline) return;
  const left = await whereLeft(walsender, identity.timeline, held.timeline);
  if (left === undefined || left < held.lsn)
    throw replaced(`its timeline ${identity.timeline} does not go through ${formatLsn(held.lsn)}`);
}

function replaced(how: string): CodedError {
  return new CodedError("SOURCE_REPLACED", `The source is a different server than before: ${how}.`);
}

/** Where a timeline branched off from an earlier one, from the lines `<timeline> <LSN> <reason>` of its history. */
async function whereLeft(walsender: Session, timeline: number, earlier: number): Promise<Lsn | undefined> {
  if (timeline < earlier) return undefined;
  const { content } = await walsender.row<{ content: Buffer | string }>(`TIMELINE_HISTORY ${timeline}`);
  const line = content
    .toString()
    .split("\n")
    .map((text) => text.trim().split(/\s+/))
    .find(([number]) => Number(number) === earlier);
  return line?.[1] === undefined ? undefined : parseLsn(line[1]);
}
