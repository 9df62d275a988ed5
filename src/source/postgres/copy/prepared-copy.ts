import { readTables } from "../catalog/catalog-table.ts";
import { publishTables } from "../catalog/publication.ts";
import { shapeOf } from "../catalog/shape.ts";
import { readTypeContext } from "../catalog/type-context.ts";
import { reportingWaits, type OnWait } from "../catalog/wait-report.ts";
import { Session, type ConnectRequest } from "../connection/session.ts";
import type { Lsn } from "../stream/lsn.ts";
import type { TrackedTable } from "../tables/tracked-table.ts";
import type { CopiesState, PieceSet } from "./copy-progress.ts";
import { readPages, type CopyJob } from "./copy-plan.ts";
import { CopySlot } from "./copy-slot.ts";
import { beginSnapshot } from "./snapshot-copy.ts";

/** Tables that are ready to be copied, all at one position of the log. */
export interface PreparedCopy {
  readonly slot: CopySlot;
  /** The position of the snapshot with which the copy began. */
  readonly start: Lsn;
  /** That snapshot, as `pg_current_snapshot` shows it. */
  readonly snapshot: string;
  readonly tables: readonly TrackedTable[];
  readonly jobs: readonly CopyJob[];
  /** False if a table was omitted because it could not be published. */
  readonly isWhole: boolean;
  /** If an earlier process began the copy. */
  readonly resumed: ResumedCopy | undefined;
}

export interface ResumedCopy {
  readonly state: CopiesState;
  /** The pieces that the target already has. */
  readonly done: ReadonlyMap<CopyJob, PieceSet>;
  /** Tables of which some pieces are read with later snapshots than others. */
  readonly mixed: ReadonlySet<CopyJob>;
  /** Rows may be older than 2^32 transactions, and then be taken for new versions. */
  readonly hasAncientRows: boolean;
}

export interface PrepareRequest {
  readonly connect: ConnectRequest;
  readonly publication: string;
  readonly copySlot: string;
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
  const published = await reportingWaits(
    { connect, pid: session.backend, onWait },
    () => publish(session, request.publication, wanted),
    signal,
  );
  if (published.length === 0) return undefined;
  // The tables are in the publication before any transaction that the snapshot does not contain can begin: taking the
  // snapshot waits for all transactions that were already open.
  const slot = await CopySlot.create({ connect, slot: request.copySlot, control: session, onWait }, signal);
  try {
    const pagesOf = await readPages(
      session,
      published.map(({ table }) => table),
    );
    const jobs = published.map((job) => ({ ...job, pages: pagesOf.get(job.table) ?? [] }));
    await beginSnapshot(session, slot.snapshot);
    const { snapshot } = await session.row<{ snapshot: string }>(
      "SELECT pg_current_snapshot()::text AS snapshot",
    );
    const isWhole = jobs.length === wanted.length;
    return { slot, start: slot.lsn, snapshot, tables: wanted, jobs, isWhole, resumed: undefined };
  } catch (error) {
    await slot[Symbol.asyncDispose]();
    throw error;
  }
}

async function publish(
  session: Session,
  publication: string,
  wanted: readonly TrackedTable[],
): Promise<readonly Omit<CopyJob, "pages">[]> {
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
