import type { DuckDBDataChunk, DuckDBValue } from "@duckdb/node-api";
import { CodedError } from "../../base/errors.ts";
import { RowDigests, type TableDigest } from "../../model/digest.ts";
import type { Position } from "../../model/position.ts";
import type { TableDefinition } from "../../model/relation.ts";
import type { DatabaseView } from "../target.ts";
import { canonicalOf, canonicalOrDouble, hasExponent } from "./canonical-sql.ts";
import { writeFailure } from "./duck-errors.ts";
import { Ledger, ledgerSchema, type TableEntry } from "./ledger.ts";
import { physicalColumn, wholeTable } from "./physical-tables.ts";
import { failedMidway, interrupting, type Session } from "./session.ts";
import { quoted } from "./sql-text.ts";

/** What is committed now: a read-only transaction of the session, which the view closes. */
export async function openView(session: Session, database: string): Promise<DatabaseView> {
  const ledger = new Ledger(session, database);
  try {
    await session.run("BEGIN TRANSACTION READ ONLY");
    // The transaction sees a database as of its first look at it, which is this.
    const checkpoint = await ledger.position();
    const entries = new Map((await ledger.entries()).map((entry) => [entry.definition.id, entry]));
    const withLargePart = new Set(await ledger.tablesWithLargePart());
    return new View(session, { database, checkpoint, entries, withLargePart });
  } catch (error) {
    session.close();
    throw writeFailure(error);
  }
}

interface ViewParts {
  readonly database: string;
  readonly checkpoint: Position | undefined;
  readonly entries: ReadonlyMap<string, TableEntry>;
  /** Names of the physical tables that have a large part. */
  readonly withLargePart: ReadonlySet<string>;
}

class View implements DatabaseView {
  readonly checkpoint: Position | undefined;
  readonly #session: Session;
  readonly #database: string;
  /** By the id of their table. */
  readonly #entries: ReadonlyMap<string, TableEntry>;
  readonly #withLargePart: ReadonlySet<string>;

  constructor(session: Session, { database, checkpoint, entries, withLargePart }: ViewParts) {
    this.#session = session;
    this.#database = database;
    this.#entries = entries;
    this.#withLargePart = withLargePart;
    this.checkpoint = checkpoint;
  }

  async digest(table: TableDefinition, signal: AbortSignal): Promise<TableDigest> {
    const entry = this.#entries.get(table.id);
    const rows = entry?.rows ?? entry?.shown?.rows;
    if (rows === undefined)
      throw new CodedError(
        "TABLE_MISSING",
        `The warehouse does not hold ${table.name.schema}.${table.name.table}.`,
      );
    const part = {
      schema: `${quoted(this.#database)}.${quoted(ledgerSchema)}`,
      table: rows,
      hasLargePart: this.#withLargePart.has(rows),
    };
    const from = `(${wholeTable(part, table.columns.map(physicalColumn))})`;
    signal.throwIfAborted();
    let stopping: Disposable | undefined;
    const interrupt = (): void => {
      stopping = interrupting(this.#session);
    };
    signal.addEventListener("abort", interrupt);
    try {
      const inSql = await this.#digestInSql(table, from);
      const exponents = exponentsOf(table);
      if (exponents.length === 0) return inSql;
      const printed = await this.#digestPrinted(table, `${from} WHERE ${exponents.join(" OR ")}`, signal);
      return sum(inSql, printed);
    } catch (error) {
      signal.throwIfAborted();
      throw writeFailure(error);
    } finally {
      signal.removeEventListener("abort", interrupt);
      stopping?.[Symbol.dispose]();
    }
  }

  /** Rows all of whose values DuckDB writes as the canonical text wants it: nearly always all rows. */
  async #digestInSql(table: TableDefinition, from: string): Promise<TableDigest> {
    const exponents = exponentsOf(table);
    const where = exponents.length === 0 ? "" : `WHERE NOT (${exponents.join(" OR ")})`;
    const { columns } = table;
    const fields = columns.map((_, index) => `coalesce(strlen(v${index}) || ':' || v${index}, '-')`);
    const values = columns.map(
      (column, index) => `${canonicalOf(column.type, physicalColumn(column))} AS v${index}`,
    );
    const [row] = await this.#session.rows(
      `SELECT count(*) AS rows, CAST(coalesce(sum(CAST('0x' || md5(concat(${fields.join(", ")}))[1:16] AS UBIGINT)), 0) % 18446744073709551616 AS VARCHAR) AS hash
       FROM (SELECT ${values.join(", ")} FROM ${from} ${where})`,
    );
    const hash = BigInt(String(row?.["hash"]));
    return { rows: Number(row?.["rows"]), hash: hash.toString(16).padStart(16, "0") };
  }

  async #digestPrinted(
    { columns }: TableDefinition,
    from: string,
    signal: AbortSignal,
  ): Promise<TableDigest> {
    const digests = new RowDigests();
    const values = columns.map((column) => canonicalOrDouble(column.type, physicalColumn(column)));
    const result = await this.#session.connection.stream(`SELECT ${values.join(", ")} FROM ${from}`);
    for await (const chunk of result) {
      signal.throwIfAborted();
      addRows(chunk, digests);
    }
    if (failedMidway(result))
      throw new CodedError("TARGET_FAILED", "DuckDB could not read the table to its end.");
    return digests.result();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#session.close();
    return Promise.resolve();
  }
}

function exponentsOf({ columns }: TableDefinition): string[] {
  return columns.flatMap((column) => hasExponent(column.type, physicalColumn(column)) ?? []);
}

function addRows(chunk: DuckDBDataChunk, digests: RowDigests): void {
  const columns = chunk.getColumns();
  for (let row = 0; row < chunk.rowCount; row++)
    digests.add(columns.map((column) => canonicalText(column[row] ?? null)));
}

function canonicalText(value: DuckDBValue): string | null {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return value === null ? null : String(value);
}

function sum(a: TableDigest, b: TableDigest): TableDigest {
  const hash = BigInt.asUintN(64, BigInt(`0x${a.hash}`) + BigInt(`0x${b.hash}`));
  return { rows: a.rows + b.rows, hash: hash.toString(16).padStart(16, "0") };
}
