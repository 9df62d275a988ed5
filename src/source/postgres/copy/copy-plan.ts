import type { CatalogTable } from "../catalog/catalog-table.ts";
import { quoteIdentifier, quotedNameOf } from "../names.ts";
import type { Session } from "../connection/session.ts";
import type { Shape } from "../catalog/shape.ts";
import { unlessLocked } from "../tables/unless-locked.ts";

/** A table to be copied. */
export interface CopyJob {
  readonly table: CatalogTable;
  readonly shape: Shape;
}

/** A part of a table that one statement copies. Together, the pieces contain each row of the table once. */
export interface CopyPiece {
  readonly job: CopyJob;
  readonly sql: string;
  /** Approximately how many pages it reads. */
  readonly pages: number;
}

/** 64 MB: about half a second of work, so that several connections finish together. */
export const pagesPerPiece = 8192;
const pageBytes = 8192;

/** The pieces of these tables, in order. Never waits for a lock for more than a second. */
export async function planCopies(session: Session, jobs: readonly CopyJob[]): Promise<readonly CopyPiece[]> {
  const oids = jobs.flatMap(({ table }) => [table.oid, ...table.partitions.map(({ oid }) => oid)]);
  const pagesOf = await readPages(session, oids);
  return jobs.flatMap((job) =>
    partsOf(job.table).flatMap(({ oid, from }) =>
      piecesOf(pagesOf.get(oid) ?? 0).map(({ where, pages }) => ({
        job,
        sql: copySql(job.shape, from, where),
        pages,
      })),
    ),
  );
}

/** Current sizes, or the last known ones if a table is locked. They are only used to divide the work. */
async function readPages(session: Session, oids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const read = async (expression: string): Promise<ReadonlyMap<number, number>> => {
    const rows = await session.rows<{ oid: string; pages: string | null }>(
      `SELECT c.oid::text AS oid, (${expression})::text AS pages FROM pg_class c WHERE c.oid = ANY ($1::oid[])`,
      [oids],
    );
    return new Map(rows.map(({ oid, pages }) => [Number(oid), Number(pages)]));
  };
  const sizes = await unlessLocked(session, () => read(`pg_relation_size(c.oid) / ${pageBytes}`));
  return sizes ?? read("c.relpages");
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
function piecesOf(pages: number): { where: string; pages: number }[] {
  const count = Math.max(1, Math.ceil(pages / pagesPerPiece));
  if (count === 1) return [{ where: "", pages }];
  return Array.from({ length: count }, (_, index) => {
    const first = index * pagesPerPiece;
    const from = `ctid >= '(${first},0)'`;
    const end = index === count - 1 ? "" : ` AND ctid < '(${first + pagesPerPiece},0)'`;
    return { where: ` WHERE ${from}${end}`, pages: Math.min(pagesPerPiece, pages - first) };
  });
}

function copySql({ relation, codecs }: Shape, from: string, where: string): string {
  const columns = relation.columns.map(({ name }, index) => {
    const quoted = quoteIdentifier(name);
    return codecs[index]?.select(quoted) ?? quoted;
  });
  return `COPY (SELECT ${columns.join(", ")} FROM ${from}${where}) TO STDOUT (FORMAT binary)`;
}
