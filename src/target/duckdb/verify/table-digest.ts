import type { DuckDBDataChunk, DuckDBValue } from "@duckdb/node-api";
import { CodedError } from "../../../base/errors.ts";
import { RowDigests, shortField, type TableDigest } from "../../../model/replication/digest.ts";
import type { TableDefinition } from "../../../model/replication/relation.ts";
import { comparedOf, doubleOf, fieldOf, hasExponent } from "./canonical-sql.ts";
import { physicalColumn } from "../tables/stored-columns.ts";
import { failedMidway, type Session } from "../instance/session.ts";

export interface DigestRequest {
  /** In a transaction that sees the data to be compared. */
  readonly session: Session;
  readonly table: TableDefinition;
  /** The query that selects its rows, in parentheses: the columns of its physical table. */
  readonly from: string;
}

/**
 * The digest of a table. No second copy is made of the contents of a vector of its rows (see large-part.ts): values
 * that may be long enter a row by their MD5. Throws the errors of DuckDB.
 */
export async function digestTable(request: DigestRequest, signal: AbortSignal): Promise<TableDigest> {
  const exponents = request.table.columns.flatMap(
    (column) => hasExponent(column.type, physicalColumn(column)) ?? [],
  );
  if (exponents.length === 0) return digestInSql(request);
  const printed = `(${exponents.join(" OR ")})`;
  const inSql = await digestInSql(request, `WHERE NOT ${printed}`);
  return sum(inSql, await digestPrinted(request, `WHERE ${printed}`, signal));
}

/** Rows of which DuckDB writes all values as the canonical text requires: nearly always all rows. */
async function digestInSql(
  { session, table: { columns }, from }: DigestRequest,
  where = "",
): Promise<TableDigest> {
  const fields = columns.map(({ type }, index) => `coalesce(${fieldOf(type, `v${index}`)}, '-')`);
  const values = columns.map(
    (column, index) => `${comparedOf(column.type, physicalColumn(column))} AS v${index}`,
  );
  const [row] = await session.rows(
    `SELECT count(*) AS rows, CAST(coalesce(sum(CAST('0x' || md5(concat(${fields.join(", ")}))[1:16] AS UBIGINT)), 0) % 18446744073709551616 AS VARCHAR) AS hash
     FROM (SELECT ${values.join(", ")} FROM ${from} ${where})`,
  );
  const hash = BigInt(String(row?.["hash"]));
  return { rows: Number(row?.["rows"]), hash: hash.toString(16).padStart(16, "0") };
}

async function digestPrinted(
  { session, table: { columns }, from }: DigestRequest,
  where: string,
  signal: AbortSignal,
): Promise<TableDigest> {
  const digests = new RowDigests();
  const fields = columns.map(({ type }, index) => doubleOf(type, `v${index}`) ?? fieldOf(type, `v${index}`));
  const values = columns.map((column, index) => {
    const value = physicalColumn(column);
    return `${doubleOf(column.type, value) ?? comparedOf(column.type, value)} AS v${index}`;
  });
  const result = await session.connection.stream(
    `SELECT ${fields.join(", ")} FROM (SELECT ${values.join(", ")} FROM ${from} ${where})`,
  );
  for await (const chunk of result) {
    signal.throwIfAborted();
    addRows(chunk, digests);
  }
  if (failedMidway(result))
    throw new CodedError("TARGET_FAILED", "DuckDB could not read the table to its end.");
  return digests.result();
}

function addRows(chunk: DuckDBDataChunk, digests: RowDigests): void {
  const columns = chunk.getColumns();
  for (let row = 0; row < chunk.rowCount; row++)
    digests.add(columns.map((column) => fieldText(column[row] ?? null)));
}

function fieldText(value: DuckDBValue): string | null {
  if (typeof value === "number") return shortField(Object.is(value, -0) ? "-0" : String(value));
  return value === null ? null : String(value);
}

function sum(a: TableDigest, b: TableDigest): TableDigest {
  const hash = BigInt.asUintN(64, BigInt(`0x${a.hash}`) + BigInt(`0x${b.hash}`));
  return { rows: a.rows + b.rows, hash: hash.toString(16).padStart(16, "0") };
}
