import { definitionOf, type TableDefinition } from "../../../model/replication/relation.ts";
import type { Progress } from "../../../model/replication/table-state.ts";
import { readTables, type CatalogTables } from "../catalog/catalog-table.ts";
import { shapeOf, type TypeContext } from "../catalog/shape.ts";
import { readTypeContext } from "../catalog/type-context.ts";
import type { ConnectRequest, Session } from "../connection/session.ts";
import type { StreamNames } from "../names.ts";
import { formatLsn, parseLsn, type Lsn } from "../stream/lsn.ts";
import { dropSlot, readSlot } from "../stream/slot.ts";
import type { TrackedTable } from "../tables/tracked-table.ts";
import { partOidsOf, pieceCountOf, type CopyJob } from "./copy-plan.ts";
import { parsePositionOfCopies, PieceSet, type CopiesState, type TableProgress } from "./copy-progress.ts";
import { CopySlot } from "./copy-slot.ts";
import type { PreparedCopy } from "./prepared-copy.ts";

interface ResumeRequest {
  readonly connect: ConnectRequest;
  readonly names: StreamNames;
  readonly control: Session;
  /** The tables of the stream, by oid. */
  readonly tables: ReadonlyMap<number, TrackedTable>;
  readonly progress: Progress;
}

interface FoundCopy {
  readonly job: CopyJob;
  readonly snapshot: string;
  readonly done: PieceSet;
  readonly isMixed: boolean;
}

/**
 * Finds what an earlier process had copied, and lets the stream omit the changes of these tables. Not those that have
 * since been altered or rewritten. Returns undefined, and drops the slot, if nothing can be continued.
 */
export async function resumeCopies(
  request: ResumeRequest,
  signal: AbortSignal,
): Promise<PreparedCopy | undefined> {
  const { connect, names, control, tables } = request;
  const state = await stateOf(request);
  const found = state === undefined ? [] : await copiesOf(request, state);
  const hasAncientRows = found.length > 0 && (await hasWrapped(control));
  const copies = found.filter((copy) => !hasAncientRows || !copy.isMixed || isKeyed(copy));
  const [first] = copies;
  if (state === undefined || first === undefined) {
    await dropSlot(control, names.copySlot, signal);
    return undefined;
  }
  const jobs = copies.map(({ job }) => job);
  const resumed = jobs.flatMap(({ table }) => tables.get(table.oid) ?? []);
  for (const table of resumed) {
    table.enter({ kind: "copying" });
    table.isAnnounced = true;
  }
  return {
    slot: await CopySlot.reopen({ connect, slot: names.copySlot, control, lsn: state.at }, signal),
    start: state.start,
    snapshot: first.snapshot,
    tables: resumed,
    jobs,
    isWhole: true,
    resumed: {
      state,
      done: new Map(copies.map(({ job, done }) => [job, done])),
      mixed: new Set(copies.filter(({ isMixed }) => isMixed).map(({ job }) => job)),
      hasAncientRows,
    },
  };
}

function isKeyed({ job }: FoundCopy): boolean {
  return job.shape.relation.identity.kind === "key";
}

async function hasWrapped(session: Session): Promise<boolean> {
  const { wrapped } = await session.row<{ wrapped: boolean }>(
    "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint >= 4294967296 AS wrapped",
  );
  return wrapped;
}

/** Undefined if the slot no longer has what was committed after the position of the copies. */
async function stateOf({ control, names, progress }: ResumeRequest): Promise<CopiesState | undefined> {
  if (progress.copies === undefined) return undefined;
  const state = parsePositionOfCopies(progress.copies);
  const slot = await readSlot(control, names.copySlot);
  if (slot === undefined || slot.isUnusable || slot.confirmed === undefined) return undefined;
  return slot.confirmed > state.at ? undefined : state;
}

async function copiesOf(
  { control, names, progress }: ResumeRequest,
  { start }: CopiesState,
): Promise<FoundCopy[]> {
  const interrupted = progress.tables.flatMap(({ definition, phase }) => {
    if (phase.kind !== "copying" || phase.progress === undefined) return [];
    const table = JSON.parse(phase.progress) as TableProgress;
    return table.start === formatLsn(start) ? [{ definition, progress: table }] : [];
  });
  if (interrupted.length === 0) return [];
  const oids = interrupted.map(({ definition }) => Number(definition.id));
  const found = await readTables(control, { publication: names.publication, oids });
  const context = await readTypeContext(control, found.values());
  return interrupted.flatMap((copy) => {
    const job = jobOf(copy, found, context);
    if (job === undefined) return [];
    const { snapshot, done: ranges, isMixed } = copy.progress;
    const done = new PieceSet(ranges);
    return [{ job, snapshot, done, isMixed: isMixed || done.size !== pieceCountOf(job) }];
  });
}

/** Undefined if the table is no longer the one that the target holds, as its definition shows with its memo. */
function jobOf(
  copy: { readonly definition: TableDefinition; readonly progress: TableProgress },
  found: CatalogTables,
  context: TypeContext,
): CopyJob | undefined {
  const table = found.get(Number(copy.definition.id));
  if (table === undefined || table.membership === null) return undefined;
  const result = shapeOf(table, context);
  if (result.kind !== "shape") return undefined;
  const { shape } = result;
  const isSame =
    JSON.stringify(definitionOf(shape.relation)) === JSON.stringify(definitionOf(copy.definition));
  return isSame ? { table, shape, pages: copy.progress.pages } : undefined;
}

/** The tables that may have values out of line, which updates do not send again. */
export async function tablesWithParts(session: Session, jobs: readonly CopyJob[]): Promise<CopyJob[]> {
  const rows = await session.rows<{ oid: string }>(
    "SELECT oid::text AS oid FROM pg_class WHERE oid = ANY ($1::oid[]) AND reltoastrelid <> 0",
    [jobs.flatMap(partOidsOf)],
  );
  const found = new Set(rows.map(({ oid }) => Number(oid)));
  return jobs.filter((job) => partOidsOf(job).some((oid) => found.has(oid)));
}

const logPageBytes = 8192n;
/** Of a page of the log, at most. */
const pageHeaderBytes = 40n;

/**
 * Everything that a snapshot sees now was committed before this position. At the beginning of a page, the server reports
 * the position behind the page's header, which the flushed log reaches only with the next record.
 */
export async function readMixedUntil(session: Session): Promise<Lsn> {
  const { lsn } = await session.row<{ lsn: string }>("SELECT pg_current_wal_insert_lsn()::text AS lsn");
  const inserted = parseLsn(lsn);
  const within = inserted % logPageBytes;
  return within <= pageHeaderBytes ? inserted - within : inserted;
}
