import { readTables } from "../catalog/catalog-table.ts";
import { publishTables } from "../catalog/publication.ts";
import { shapeOf } from "../catalog/shape.ts";
import { readTypeContext } from "../catalog/type-context.ts";
import { reportingWaits, type OnWait } from "../catalog/wait-report.ts";
import { Session, type ConnectRequest } from "../connection/session.ts";
import { ExportedSnapshot } from "../stream/slot.ts";
import type { TrackedTable } from "../tables/tracked-table.ts";
import { planCopies, type CopyJob, type CopyPiece } from "./copy-plan.ts";

/** Tables that are ready to be copied, all at one position of the log. */
export interface PreparedCopy {
  readonly snapshot: ExportedSnapshot;
  readonly tables: readonly TrackedTable[];
  readonly pieces: readonly CopyPiece[];
  /** False if a table was omitted because it could not be published. */
  readonly isWhole: boolean;
}

export interface PrepareRequest {
  readonly connect: ConnectRequest;
  readonly publication: string;
  readonly onWait: OnWait;
}

/**
 * Publishes the tables and then takes a snapshot, which waits for open transactions. Returns undefined if no table can
 * be copied now.
 */
export async function prepareCopy(
  request: PrepareRequest,
  wanted: readonly TrackedTable[],
  signal: AbortSignal,
): Promise<PreparedCopy | undefined> {
  const { connect, onWait } = request;
  // A separate session, since it may wait for locks.
  await using session = await Session.open(connect, signal);
  const jobs = await reportingWaits(
    { connect, pid: session.backend, onWait },
    () => publish(session, request.publication, wanted),
    signal,
  );
  if (jobs.length === 0) return undefined;
  // The tables are in the publication before any transaction that the snapshot does not contain can begin: taking the
  // snapshot waits for all transactions that were already open.
  const snapshot = await ExportedSnapshot.open({ ...connect, onWait }, signal);
  try {
    const pieces = await planCopies(session, jobs);
    return { snapshot, tables: wanted, pieces, isWhole: jobs.length === wanted.length };
  } catch (error) {
    await snapshot[Symbol.asyncDispose]();
    throw error;
  }
}

async function publish(
  session: Session,
  publication: string,
  wanted: readonly TrackedTable[],
): Promise<readonly CopyJob[]> {
  const oids = wanted.map(({ oid }) => oid);
  const found = await readTables(session, { publication, oids });
  const before = await readTypeContext(session, found.values());
  const eligible = [...found.values()].filter((table) => shapeOf(table, before).kind === "shape");
  await publishTables(
    session,
    publication,
    eligible.filter(({ membership }) => membership === null),
  );
  const published = await readTables(session, { publication, oids: eligible.map(({ oid }) => oid) });
  // Types are read after the tables that refer to them, so that a change in between is detected afterwards.
  const context = await readTypeContext(session, published.values());
  return [...published.values()].flatMap((table) => {
    const result = shapeOf(table, context);
    return result.kind === "shape" && table.membership !== null ? [{ table, shape: result.shape }] : [];
  });
}
