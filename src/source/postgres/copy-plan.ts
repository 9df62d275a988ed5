import type { CatalogTable } from "./catalog-table.ts";
import { quoteIdentifier, quoteTable } from "./names.ts";
import type { Session } from "./session.ts";
import type { Shape } from "./shape.ts";

/** A table that is to be copied. */
export interface CopyJob {
  readonly table: CatalogTable;
  readonly shape: Shape;
}

/** A part of a table that one statement copies. All pieces together are the table, each row once. */
export interface CopyPiece {
  readonly job: CopyJob;
  readonly sql: string;
}

/** 64 MB: some half a second of work, so that several connections end together. */
const pagesPerPiece = 8192;
const pageBytes = 8192;

/** The pieces of these tables, in order. `session` sees the sizes as they are now: they are only for dividing work. */
export async function planCopies(session: Session, jobs: readonly CopyJob[]): Promise<readonly CopyPiece[]> {
  const oids = jobs.flatMap(({ table }) => [table.oid, ...table.partitions.map(({ oid }) => oid)]);
  const sizes = await session.rows<{ oid: string; bytes: string | null }>(
    "SELECT oid::text AS oid, pg_relation_size(oid)::text AS bytes FROM unnest($1::oid[]) AS oid",
    [oids],
  );
  const pagesOf = new Map(sizes.map(({ oid, bytes }) => [Number(oid), Math.ceil(Number(bytes) / pageBytes)]));
  return jobs.flatMap((job) =>
    partsOf(job.table).flatMap(({ oid, from }) =>
      rangesOf(pagesOf.get(oid) ?? 0).map((where) => ({ job, sql: copySql(job.shape, from, where) })),
    ),
  );
}

/** What has the rows: the table itself, its leaves, or the root of partitions that we may not read one by one. */
function partsOf(table: CatalogTable): { oid: number; from: string }[] {
  const { oid, schema, name, kind, partitions } = table;
  if (kind === "r") return [{ oid, from: `ONLY ${quoteTable({ schema, table: name })}` }];
  if (partitions.length === 0 || partitions.some(({ isReadable }) => !isReadable))
    return [{ oid, from: quoteTable({ schema, table: name }) }];
  return partitions.map((leaf) => ({
    oid: leaf.oid,
    from: `ONLY ${quoteTable({ schema: leaf.schema, table: leaf.name })}`,
  }));
}

/** Conditions that divide a table by its pages. The last one has no end: the table may have grown. */
function rangesOf(pages: number): string[] {
  const count = Math.max(1, Math.ceil(pages / pagesPerPiece));
  if (count === 1) return [""];
  return Array.from({ length: count }, (_, index) => {
    const from = `ctid >= '(${index * pagesPerPiece},0)'`;
    return index === count - 1
      ? ` WHERE ${from}`
      : ` WHERE ${from} AND ctid < '(${(index + 1) * pagesPerPiece},0)'`;
  });
}

function copySql({ relation, codecs }: Shape, from: string, where: string): string {
  const columns = relation.columns.map(({ name }, index) => {
    const quoted = quoteIdentifier(name);
    return codecs[index]?.select(quoted) ?? quoted;
  });
  return `COPY (SELECT ${columns.join(", ")} FROM ${from}${where}) TO STDOUT (FORMAT binary)`;
}
