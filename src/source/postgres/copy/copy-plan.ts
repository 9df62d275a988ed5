import type { CatalogTable } from "../catalog/catalog-table.ts";
import { quoteIdentifier, quoteLiteral, quotedNameOf } from "../names.ts";
import type { Session } from "../connection/session.ts";
import type { Shape } from "../catalog/shape.ts";
import { unlessLocked } from "../tables/unless-locked.ts";

/** A table to be copied. */
export interface CopyJob {
  readonly table: CatalogTable;
  readonly shape: Shape;
  /** Sizes in pages of the relations that contain its rows (see `partsOf`), when the copy was planned. */
  readonly pages: readonly number[];
}

/** A part of a table that one statement copies. Together, the pieces contain each row of the table once. */
export interface CopyPiece {
  readonly job: CopyJob;
  /** Among the pieces of the table, from 0. */
  readonly index: number;
  readonly sql: string;
  /** Approximately how many pages it reads. */
  readonly pages: number;
}

/** 4 MB: a restart reads again what was read of a few pieces. */
const pagesPerPiece = 512;
const pageBytes = 8192;

/** Sizes for `CopyJob.pages`. Never waits for a lock for more than a second. */
export async function readPages(
  session: Session,
  tables: readonly CatalogTable[],
): Promise<ReadonlyMap<CatalogTable, readonly number[]>> {
  const oids = tables.flatMap((table) => partsOf(table).map(({ oid }) => oid));
  const pagesOf = await sizes(session, oids);
  return new Map(tables.map((table) => [table, partsOf(table).map(({ oid }) => pagesOf.get(oid) ?? 0)]));
}

/** Which versions of rows a piece reads, relative to a snapshot as `pg_current_snapshot` shows it. */
export interface Versions {
  readonly snapshot: string;
  /** `old`: those that the snapshot sees, as far as they still exist. `new`: the others. */
  readonly which: "old" | "new";
}

/** The pieces of a table, in order. The same for the same job. */
export function piecesOf(job: CopyJob, versions?: Versions): CopyPiece[] {
  const conditions = versions === undefined ? [] : [versionsSql(versions)];
  return partsOf(job.table)
    .flatMap(({ from }, part) =>
      rangesOf(job.pages[part] ?? 0).map(({ range, pages }) => ({
        sql: copySql(job.shape, from, [...range, ...conditions]),
        pages,
      })),
    )
    .map((piece, index) => ({ job, index, ...piece }));
}

/** The relations that contain the table's rows. */
export function partOidsOf({ table }: CopyJob): number[] {
  return table.kind === "r" ? [table.oid] : table.partitions.map(({ oid }) => oid);
}

export function pieceCountOf({ pages }: CopyJob): number {
  return pages.reduce((sum, each) => sum + rangeCount(each), 0);
}

/** The size of the table when the copy was planned. */
export function bytesOf({ pages }: CopyJob): number {
  return pages.reduce((sum, each) => sum + each, 0) * pageBytes;
}

/** Current sizes, or the last known ones if a table is locked. They are only used to divide the work. */
async function sizes(session: Session, oids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const read = async (expression: string): Promise<ReadonlyMap<number, number>> => {
    const rows = await session.rows<{ oid: string; pages: string | null }>(
      `SELECT c.oid::text AS oid, (${expression})::text AS pages FROM pg_class c WHERE c.oid = ANY ($1::oid[])`,
      [oids],
    );
    return new Map(rows.map(({ oid, pages }) => [Number(oid), Number(pages)]));
  };
  const current = await unlessLocked(session, () => read(`pg_relation_size(c.oid) / ${pageBytes}`));
  return current ?? read("c.relpages");
}

/**
 * Where to read the rows: from the table itself, its leaves, or the root if our user may not read the partitions
 * individually.
 */
function partsOf(table: CatalogTable): { oid: number; from: string }[] {
  const { oid, kind, partitions } = table;
  if (kind === "r") return [{ oid, from: `ONLY ${quotedNameOf(table)}` }];
  if (partitions.length === 0 || partitions.some(({ isReadable }) => !isReadable))
    return [{ oid, from: quotedNameOf(table) }];
  return partitions.map((leaf) => ({
    oid: leaf.oid,
    from: `ONLY ${quotedNameOf(leaf)}`,
  }));
}

/** Conditions that divide a table by its pages. The last one has no upper bound: the table may have grown. */
function rangesOf(pages: number): { range: string[]; pages: number }[] {
  const count = rangeCount(pages);
  if (count === 1) return [{ range: [], pages }];
  return Array.from({ length: count }, (_, index) => {
    const first = index * pagesPerPiece;
    const end = index === count - 1 ? [] : [`ctid < '(${first + pagesPerPiece},0)'`];
    return { range: [`ctid >= '(${first},0)'`, ...end], pages: Math.min(pagesPerPiece, pages - first) };
  });
}

function rangeCount(pages: number): number {
  return Math.max(1, Math.ceil(pages / pagesPerPiece));
}

/**
 * A row contains the low 32 bits of the transaction that wrote it. They are taken for the last such transaction, which is
 * wrong for a row that was written more than 2^32 transactions ago: it may be taken for a new version.
 */
function versionsSql({ snapshot, which }: Versions): string {
  const next = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
  const written = `(${next} - (${next} - xmin::text::bigint) % 4294967296)::text::xid8`;
  const isVisible = `pg_visible_in_snapshot(${written}, ${quoteLiteral(snapshot)})`;
  return which === "old" ? isVisible : `NOT ${isVisible}`;
}

function copySql({ relation, codecs }: Shape, from: string, conditions: readonly string[]): string {
  const columns = relation.columns.map(({ name }, index) => {
    const quoted = quoteIdentifier(name);
    return codecs[index]?.select(quoted) ?? quoted;
  });
  const where = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  return `COPY (SELECT ${columns.join(", ")} FROM ${from}${where}) TO STDOUT (FORMAT binary)`;
}
